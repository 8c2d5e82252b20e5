// Package chisession gives every request of chi a session. chi's handlers are those of net/http, so
// this package is [httpsession] under another name:
//
//	r := chi.NewRouter()
//	r.Use(middleware.Recoverer, chisession.Middleware(m))
//
// Code that knows no framework gets the same session from [session.FromContext], with
// the request's context.
//
// The middleware commits the session before the first byte of the response, or when the handler has
// returned. A panic that reaches the middleware saves nothing. So install it after Recoverer.
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

// WithAccess sets how a request holds its session. A second middleware, for example on a group of
// routes, changes the access for these. That is an error once somebody has read or changed the
// session. Defaults to [session.Exclusive] for all requests, and to no change in a second middleware.
func WithAccess(access func(r *http.Request) session.Access) Option {
	return httpsession.WithAccess(access)
}

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed. It
// is called once at most, before anything else was written. The header Vary is set by then: add to
// it. [session.HTTPStatus] returns a status
// for err. Defaults to [httpsession.Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return httpsession.WithErrorHandler(onError)
}

// From returns the session of a request. It panics if [Middleware] is missing.
func From(r *http.Request) *session.Session { return httpsession.From(r) }
