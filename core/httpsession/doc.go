// Package httpsession gives every request of net/http a session. Its middleware begins the session
// before the handler runs, and commits it before the first byte of the response.
//
//	http.Handle("/", httpsession.Middleware(m)(handler))
//
// A handler gets its session from [From]. Code that has only a context calls [session.FromContext]:
//
//	s := httpsession.From(r)
//	s.Set("loginTime", time.Now())
//
// The middleware commits at the first Write, WriteHeader (but not for 1xx), Flush, Hijack or
// ReadFrom, or when the handler returns. So no client acts on a response whose session was not
// saved. A failed commit becomes one error response. What the handler writes after it is dropped,
// with an error. After the commit the session is sealed and no longer locked, however long the
// response takes.
//
// A handler that takes the connection over, as for a WebSocket, often sends headers of its own and not
// those of the ResponseWriter. If its session was created or rotated in that request, the client does
// not get the cookie, and [session.ErrUnsent] is reported. Give the headers to the handshake:
//
//	err := s.Finish(r.Context())
//	header := http.Header{}
//	s.SetHeaders(r.Header, header, r.TLS != nil)
//	conn, err := upgrader.Upgrade(w, r, header)
//
// The middleware may be installed twice, for example once more on some routes, with another
// [WithAccess] or with [RequirePrincipal]. Both have the same session.
//
// Some handlers give up half-way and answer all the same, as [http.TimeoutHandler] does. That is an
// answer: the session is saved as it is then. Put such a handler around the middleware, and not
// behind it.
//
// The package knows the responses of net/http. It never knows Redis: package session does.
//
// [docs/testing.md] shows how to test your handlers, with package [sessiontest].
//
// [docs/testing.md]: https://github.com/berthgo/berth/blob/HEAD/docs/testing.md
// [sessiontest]: https://pkg.go.dev/github.com/berthgo/berth/core/sessiontest
package httpsession
