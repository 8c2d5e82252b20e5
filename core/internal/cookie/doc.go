// Package cookie reads what a request says about its session cookie: the ID in it, and whether
// the client came by HTTPS. It knows the syntax of these headers. It never knows Redis or what a
// session is.
package cookie
