// Package httpsession puts berth's sessions under net/http: a middleware that
// begins a session before the handler runs and commits it before the first byte
// of the response.
//
//	http.Handle("/", httpsession.Middleware(m)(handler))
//
// A handler finds its session with [From], or with [session.FromContext] where
// there is no request at hand:
//
//	s := httpsession.From(r)
//	s.Set("loginTime", time.Now())
//
// The commit happens at the first Write, WriteHeader (but for 1xx), Flush, Hijack
// or ReadFrom, or when the handler returns. So no client acts on a response whose
// session was not saved: a failed commit becomes one error response, and what the
// handler writes after it is dropped, with an error. From then on the session is
// sealed and no longer locked, however long the response takes.
//
// A handler that gives up half-way and answers all the same, as [http.TimeoutHandler]
// does, has answered: its session is saved as it is then. Put such a handler around
// the middleware, and not behind it.
package httpsession
