package httpsession

import (
	"net/http"
	"strconv"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct{ terms Terms }

// WithAccess sets how a request holds its session, by a rule such as [session.ByRoute] or
// [session.Always]. A second middleware, for example on some routes alone, changes the access
// for these. That is an error once somebody has read or changed the session. Of several WithAccess and
// WithAccessFunc the last one counts. Defaults to [session.Exclusive] for all requests, and to no
// change in a second middleware.
func WithAccess(rule session.Rule) Option {
	return WithAccessFunc(func(r *http.Request) session.Access { return rule(Request(r)) })
}

// WithAccessFunc is [WithAccess] with a function of the request.
func WithAccessFunc(access func(r *http.Request) session.Access) Option {
	return func(c *config) { c.terms.Access = access }
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
func RequirePrincipal(within time.Duration) Option {
	require := session.PrincipalWithin(within)
	return func(c *config) { c.terms.Require = require }
}

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed, or if
// it does not meet [RequirePrincipal]. It is called once at most, before anything else was written. The
// header Vary is set by then: add to it. [session.HTTPStatus] returns a status for err. Defaults to
// [Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(c *config) { c.terms.OnError = onError }
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
	c := config{Terms{OnError: Error}}
	for _, opt := range opts {
		opt(&c)
	}
	return func(next http.Handler) http.Handler {
		serve := next.ServeHTTP
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Serve(w, r, m, c.terms, serve)
		})
	}
}

// Terms are how [Serve] serves a request.
type Terms struct {
	// Access is how the request holds its session. Defaults to [session.Exclusive], and behind another
	// middleware to no change.
	Access func(r *http.Request) session.Access

	// Require is what the session must be. Defaults to nothing.
	Require session.Requirement

	// OnError answers if there is an error. It must be set.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

// Request returns what berth reads of a request.
func Request(r *http.Request) session.Request {
	return session.Request{Headers: r.Header, Method: r.Method, Path: r.URL.Path, RawPath: r.URL.RawPath, Host: r.Host}
}

// Serve does what [Middleware] does, for one request. It is for adapters of frameworks that have
// their own kind of handler, but write to an [http.ResponseWriter].
//
// Serve begins a session and calls next with a ResponseWriter. That writer commits the session
// before the first byte. If nothing was written, Serve commits when next has returned.
//
// Serve calls OnError at most once, before anything was written, with the w of Serve. What OnError
// writes is the response. The headers from before next stay. What next writes after it is dropped:
// next sees only that its own writes fail. If the session does not meet Require, Serve calls OnError
// in place of next, with the request that next would get.
//
// If r has a session of m already, because the middleware is installed twice, Serve changes its
// access, unless Access is nil, and calls next.
//
// After a panic in next, nothing is saved and the panic goes on. From then on the ResponseWriter lets
// everything through, so that a framework that still holds it can answer.
func Serve(
	w http.ResponseWriter, r *http.Request, m *session.Manager, terms Terms,
	next func(w http.ResponseWriter, r *http.Request),
) {
	ctx := r.Context()
	if m.Adapter().SessionOf(ctx) != nil {
		if err := again(r, m, terms); err != nil {
			m.Adapter().Refuse(w.Header())
			terms.OnError(w, r, err)
			return
		}
		next(w, r)
		return
	}
	access := session.Exclusive
	if terms.Access != nil {
		access = terms.Access(r)
	}
	s, err := m.Adapter().Begin(ctx, Request(r), access)
	if err != nil {
		m.Adapter().Vary(w.Header())
		terms.OnError(w, r, err)
		return
	}
	writer := &responseWriter{ResponseWriter: w, request: r, manager: m, session: s, onError: terms.OnError}
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
	inside := r.WithContext(session.NewContext(ctx, s))
	if err := m.Adapter().Admit(inside.Context(), terms.Require); err != nil {
		s.SetHeaders(r.Header, w.Header(), r.TLS != nil)
		m.Adapter().Refuse(w.Header())
		terms.OnError(w, inside, err)
		return
	}
	next(writer, inside)
	if writer.commit() != nil && !writer.answered {
		writer.answer(Error) // onError panicked, and next recovered
	}
}

// again makes a request's session meet the terms of a second middleware.
func again(r *http.Request, m *session.Manager, terms Terms) error {
	if terms.Access != nil {
		if err := m.Adapter().ChangeAccess(r.Context(), terms.Access(r)); err != nil {
			return err
		}
	}
	return m.Adapter().Admit(r.Context(), terms.Require)
}

// From returns the session of a request. It panics if [Middleware] is missing.
func From(r *http.Request) *session.Session { return session.FromContext(r.Context()) }
