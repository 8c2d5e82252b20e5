// Package names has what the pages use without declaring it. CONTRIBUTING.md lists it, for who writes a page.
package names

var ctx context.Context

var m *session.Manager

var s *session.Session

var client *redis.Client

var w http.ResponseWriter

var r *http.Request

var mux *http.ServeMux

var err error

var user, id, handle string

var key session.EncryptionKey
