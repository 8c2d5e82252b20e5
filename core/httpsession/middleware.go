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

// WithAccess sets how a request holds its session. A second middleware, for example on some routes
// alone, changes the access for these. That is an error once somebody has read or changed the
// session. Defaults to [session.Exclusive] for all requests, and to no change in a second middleware.
func WithAccess(access func(r *http.Request) session.Access) Option {
	return func(c *config) { c.access = access }
}

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed. It
// is called once at most, before anything else was written. The header Vary is set by then: add to
// it. [session.HTTPStatus] returns a status for err. Defaults to [Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(c *config) { c.onError = onError }
}

// Error answers with the status and Retry-After of [session.HTTPStatus].
func Error(w http.ResponseWriter, _ *http.Request, err error) {
	status, retryAfter := session.HTTPStatus(err)
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) func(next http.Handler) http.Handler {
	c := config{onError: Error}
	for _, opt := range opts {
		opt(&c)
	}
	return func(next http.Handler) http.Handler {
		serve := next.ServeHTTP
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Serve(w, r, m, c.access, c.onError, serve)
		})
	}
}

// Serve does what [Middleware] does, for one request. It is for adapters of frameworks that have
// their own kind of handler, but write to an [http.ResponseWriter].
//
// Serve begins a session and calls next with a ResponseWriter. That writer commits the session
// before the first byte. If nothing was written, Serve commits when next has returned. Access may be
// nil: then the session is [session.Exclusive].
//
// Serve calls onError at most once, before anything was written, with the w of Serve. What onError
// writes is the response. The headers from before next stay. What next writes after it is dropped:
// next sees only that its own writes fail.
//
// If r has a session of m already, because the middleware is installed twice, Serve changes its
// access, unless access is nil, and calls next.
//
// After a panic in next, nothing is saved and the panic goes on. From then on the ResponseWriter lets
// everything through, so that a framework that still holds it can answer.
func Serve(
	w http.ResponseWriter, r *http.Request, m *session.Manager, access func(r *http.Request) session.Access,
	onError func(w http.ResponseWriter, r *http.Request, err error),
	next func(w http.ResponseWriter, r *http.Request),
) {
	ctx := r.Context()
	if m.Serving(ctx) {
		if access != nil {
			if err := m.ChangeAccess(ctx, access(r)); err != nil {
				m.Vary(w.Header())
				onError(w, r, err)
				return
			}
		}
		next(w, r)
		return
	}
	how := session.Exclusive
	if access != nil {
		how = access(r)
	}
	s, err := m.BeginRequest(ctx, session.Request{Headers: r.Header, Method: r.Method, Path: r.URL.Path, Host: r.Host}, how)
	if err != nil {
		m.Vary(w.Header())
		onError(w, r, err)
		return
	}
	writer := &responseWriter{ResponseWriter: w, request: r, manager: m, session: s, onError: onError}
	if before := w.Header(); len(before) > 0 {
		writer.before = before.Clone()
	}
	defer func() {
		s.Rollback(ctx)
		writer.committed = true
		if !writer.answered {
			writer.err = nil
		}
	}()
	next(writer, r.WithContext(session.NewContext(ctx, s)))
	if writer.commit() != nil && !writer.answered {
		writer.answer(Error) // onError panicked, and next recovered
	}
}

// From returns the session of a request. It panics if [Middleware] is missing.
func From(r *http.Request) *session.Session { return session.FromContext(r.Context()) }
