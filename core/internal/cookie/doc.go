// Package cookie reads what a request says about its session cookie: the ID in it, and whether
// the client came by HTTPS. It also tells what a cookie's name, path and domain may be. It knows the
// syntax of these headers. It never knows Redis or what a session is.
package cookie
