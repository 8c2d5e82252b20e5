// Package chisession puts berth's sessions under chi. As chi's handlers are those of
// net/http, it is [httpsession] by another name:
//
//	r := chi.NewRouter()
//	r.Use(middleware.Recoverer, chisession.Middleware(m))
//
// Business code that knows no framework finds the same session by
// [session.FromContext] in the request's context.
//
// The session is committed before the first byte of the response, or when the
// handler has returned. A panic that reaches the middleware saves nothing, so
// install it after Recoverer.
package chisession

import (
	"net/http"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option = httpsession.Option

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) func(next http.Handler) http.Handler {
	return httpsession.Middleware(m, opts...)
}

// WithAccess sets how a request holds its session. Defaults to
// [session.Exclusive] for all.
func WithAccess(access func(r *http.Request) session.Access) Option {
	return httpsession.WithAccess(access)
}

// WithErrorHandler sets what answers a request whose session could not be begun
// or committed. It is called once at most, before anything else was written, and
// may tell with [session.HTTPStatus] what happened. Defaults to [httpsession.Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return httpsession.WithErrorHandler(onError)
}

// From returns the session of a request. It panics where [Middleware] is missing.
func From(r *http.Request) *session.Session { return httpsession.From(r) }
