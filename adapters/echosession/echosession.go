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
// Code that knows no framework gets the same session from [session.FromContext], with
// the request's context, c.Request().Context().
//
// The middleware commits the session before the first byte of the response, or when the handler has
// returned. An error that the handler returns is a response like any other: Echo's HTTPErrorHandler
// runs after the commit. A panic that reaches the middleware saves nothing. So install it after
// Recover.
package echosession

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(echo.Context) session.Access
	onError func(echo.Context, error) error
}

// WithAccess sets how a request holds its session. A second middleware, for example on a group of
// routes, changes the access for these. That is an error once somebody has read or changed the
// session. Defaults to [session.Exclusive] for all requests, and to no change in a second middleware.
func WithAccess(access func(c echo.Context) session.Access) Option {
	return func(cfg *config) { cfg.access = access }
}

// WithErrorHandler sets what answers a request if the begin or the commit of its session failed. It
// is called once at most, before anything else was written. The header Vary is set by then: add to
// it. [session.HTTPStatus] returns a status for err. If it returns an error, that goes to Echo's HTTPErrorHandler at once. Defaults to
// [httpsession.Error].
func WithErrorHandler(onError func(c echo.Context, err error) error) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) echo.MiddlewareFunc {
	cfg := config{
		onError: func(c echo.Context, err error) error {
			httpsession.Error(c.Response(), c.Request(), err)
			return nil
		},
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			response := c.Response()
			var access func(*http.Request) session.Access
			if cfg.access != nil {
				access = func(*http.Request) session.Access { return cfg.access(c) }
			}
			onError := func(outer http.ResponseWriter, _ *http.Request, failure error) {
				inner := response.Writer
				response.Writer = outer
				// A middleware that buffers may have set Committed, but nothing was sent.
				response.Committed = false
				defer func() { response.Writer = inner }()
				if failure = cfg.onError(c, failure); failure != nil {
					c.Error(failure)
				}
			}
			// The session takes the writer below Echo's. Echo's hook Before is not enough: Flush and
			// Hijack do not call it.
			httpsession.Serve(response.Writer, c.Request(), m, access, onError,
				func(w http.ResponseWriter, r *http.Request) {
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
