// Package chisession gives every request of chi a session. chi's handlers are those of net/http, so
// this package is [httpsession] under another name:
//
//	r := chi.NewRouter()
//	r.Use(middleware.Recoverer, chisession.Middleware(m))
//	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
//		s := chisession.From(r)
//		s.Set("loginTime", time.Now())
//	})
//
// A group of routes may need a user, or another access. It gets the middleware once more:
//
//	r.With(chisession.Middleware(m, chisession.RequirePrincipal(0))).Get("/account", account)
//
// Code that knows no framework gets the same session from [session.FromContext], with
// the request's context.
//
// The middleware commits the session before the first byte of the response, or when the handler has
// returned. A panic that reaches the middleware saves nothing. So install it after Recoverer.
//
// [docs/testing.md] shows how to test your handlers, with package [sessiontest].
//
// [docs/testing.md]: https://github.com/berthgo/berth/blob/HEAD/docs/testing.md
// [sessiontest]: https://pkg.go.dev/github.com/berthgo/berth/core/sessiontest
package chisession

import (
	"net/http"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option = httpsession.Option

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) func(next http.Handler) http.Handler {
	return httpsession.Middleware(m, opts...)
}

// WithAccess sets how a request holds its session, by a rule such as [session.ByRoute] or
// [session.Always]. A second middleware, for example on a group of routes, changes the access
// for these. That is an error once somebody has read or changed the session. Of several WithAccess and
// WithAccessFunc the last one counts. Defaults to [session.Exclusive] for all requests, and to no
// change in a second middleware.
func WithAccess(rule session.Rule) Option { return httpsession.WithAccess(rule) }

// WithAccessFunc is [WithAccess] with a function of the request.
func WithAccessFunc(access func(r *http.Request) session.Access) Option {
	return httpsession.WithAccessFunc(access)
}

// RequirePrincipal lets only requests through whose session has a principal. If within is more than
// 0, the principal must also have signed in, or given a password again, no longer ago than that. It
// panics if within is negative. Install it in a second middleware on the routes that need a user, or in
// the first one.
//
// Other requests do not reach the handler. The error handler gets the error of
// [session.Session.RequirePrincipal], such as [session.ErrNoPrincipal] or [session.ErrSignInTooOld].
// The session is in the request's context, and it is committed by then: what the error handler sets is
// lost. Cache-Control is no-store.
func RequirePrincipal(within time.Duration) Option { return httpsession.RequirePrincipal(within) }

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed, or if
// it does not meet [RequirePrincipal]. It is called once at most, before anything else was written. The
// header Vary is set by then: add to it. [session.HTTPStatus] returns a status for err. Defaults to
// [Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return httpsession.WithErrorHandler(onError)
}

// Error answers err as a middleware does without [WithErrorHandler], as [httpsession.Error] does. An error
// handler calls it for what it does not answer itself.
func Error(w http.ResponseWriter, r *http.Request, err error) { httpsession.Error(w, r, err) }

// From returns the session of a request. It panics if [Middleware] is missing.
func From(r *http.Request) *session.Session { return httpsession.From(r) }
