package httpsession

import (
	"net/http"
	"strconv"

	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(*http.Request) session.Access
	onError func(http.ResponseWriter, *http.Request, error)
}

// WithAccess sets how a request holds its session. Defaults to
// [session.Exclusive] for all.
func WithAccess(access func(r *http.Request) session.Access) Option {
	return func(c *config) { c.access = access }
}

// WithErrorHandler sets what answers a request whose session could not be begun
// or committed. It is called once at most, before anything else was written, and
// may tell with [session.Status] what happened. Defaults to [Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(c *config) { c.onError = onError }
}

// Error answers with the status and Retry-After of [session.Status].
func Error(w http.ResponseWriter, _ *http.Request, err error) {
	status, retryAfter := session.Status(err)
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) func(next http.Handler) http.Handler {
	c := config{
		access:  func(*http.Request) session.Access { return session.Exclusive },
		onError: Error,
	}
	for _, opt := range opts {
		opt(&c)
	}
	return func(next http.Handler) http.Handler {
		serve := next.ServeHTTP
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Serve(w, r, m, c.access(r), c.onError, serve)
		})
	}
}

// From returns the session of a request. It panics where [Middleware] is missing.
func From(r *http.Request) *session.Session { return session.FromContext(r.Context()) }
