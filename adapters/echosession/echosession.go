// Package echosession gives every request of Echo a session:
//
//	e := echo.New()
//	e.Use(middleware.Recover(), echosession.Middleware(m))
//	e.GET("/", func(c echo.Context) error {
//		s := echosession.From(c)
//		s.Set("loginTime", time.Now())
//		return c.NoContent(http.StatusNoContent)
//	})
//
// A group of routes may need a user, or another access. It gets the middleware once more:
//
//	account := e.Group("/account", echosession.Middleware(m, echosession.RequirePrincipal(0)))
//
// Code that knows no framework gets the same session from [session.FromContext], with
// the request's context, c.Request().Context().
//
// The middleware commits the session before the first byte of the response, or when the handler has
// returned. An error that the handler returns is a response like any other: Echo's HTTPErrorHandler
// runs after the commit. A panic that reaches the middleware saves nothing. So install it after
// Recover.
//
// [docs/testing.md] shows how to test your handlers, with package [sessiontest].
//
// [docs/testing.md]: https://github.com/berthgo/berth/blob/HEAD/docs/testing.md
// [sessiontest]: https://pkg.go.dev/github.com/berthgo/berth/core/sessiontest
package echosession

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(echo.Context) session.Access
	require session.Requirement
	onError func(echo.Context, error) error
}

// WithAccess sets how a request holds its session, by a rule such as [session.ByRoute] or
// [session.Always]. A second middleware, for example on a group of routes, changes the access
// for these. That is an error once somebody has read or changed the session. Of several WithAccess and
// WithAccessFunc the last one counts. Defaults to [session.Exclusive] for all requests, and to no
// change in a second middleware.
func WithAccess(rule session.Rule) Option {
	return WithAccessFunc(func(c echo.Context) session.Access { return rule(httpsession.Request(c.Request())) })
}

// WithAccessFunc is [WithAccess] with a function of Echo's context.
func WithAccessFunc(access func(c echo.Context) session.Access) Option {
	return func(cfg *config) { cfg.access = access }
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
	return func(cfg *config) { cfg.require = require }
}

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed, or if
// it does not meet [RequirePrincipal]. It is called once at most, before anything else was written. The
// header Vary is set by then: add to it. [session.HTTPStatus] returns a status for err. If it returns
// an error, that goes to Echo's HTTPErrorHandler at once. Defaults to [Error].
func WithErrorHandler(onError func(c echo.Context, err error) error) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Error leaves [session.ErrNoPrincipal] and [session.ErrSignInTooOld] to Echo's HTTPErrorHandler: it
// returns them within an [echo.HTTPError] that has the status. It answers other errors by
// [httpsession.Error].
func Error(c echo.Context, err error) error {
	if errors.Is(err, session.ErrNoPrincipal) || errors.Is(err, session.ErrSignInTooOld) {
		status, _ := session.HTTPStatus(err)
		return echo.NewHTTPError(status).WithInternal(err)
	}
	httpsession.Error(c.Response(), c.Request(), err)
	return nil
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) echo.MiddlewareFunc {
	cfg := config{onError: Error}
	for _, opt := range opts {
		opt(&cfg)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			response := c.Response()
			called := false
			onError := func(outer http.ResponseWriter, r *http.Request, failure error) {
				if !called {
					c.SetRequest(r) // which has the session, if there is one
				}
				inner := response.Writer
				response.Writer = outer
				// A middleware that buffers may have set Committed, but nothing was sent.
				response.Committed = false
				defer func() { response.Writer = inner }()
				if failure = cfg.onError(c, failure); failure != nil {
					c.Error(failure)
				}
			}
			terms := httpsession.Terms{Require: cfg.require, OnError: onError}
			if cfg.access != nil {
				terms.Access = func(*http.Request) session.Access { return cfg.access(c) }
			}
			// The session takes the writer below Echo's. Echo's hook Before is not enough: Flush and
			// Hijack do not call it.
			httpsession.Serve(response.Writer, c.Request(), m, terms, func(w http.ResponseWriter, r *http.Request) {
				called = true
				response.Writer = w
				c.SetRequest(r)
				err = next(c)
			})
			return err
		}
	}
}

// From returns the session of a request. It panics if [Middleware] is missing.
func From(c echo.Context) *session.Session { return session.FromContext(c.Request().Context()) }
