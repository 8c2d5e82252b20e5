// Package gorilla has what the code of docs/gorilla.md leaves out.
package gorilla

var handlers http.Handler

var old *redistore.RediStore
