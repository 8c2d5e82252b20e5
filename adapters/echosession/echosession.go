// Package echosession puts berth's sessions under Echo:
//
//	e := echo.New()
//	e.Use(middleware.Recover(), echosession.Middleware(m))
//	e.GET("/", func(c echo.Context) error {
//		s := echosession.From(c)
//		s.Set("loginTime", time.Now())
//		return c.NoContent(http.StatusNoContent)
//	})
//
// Business code that knows no framework finds the same session by
// [session.FromContext] in the request's context, c.Request().Context().
//
// The session is committed before the first byte of the response, or when the
// handler has returned; an error that it returns is a response like any other,
// and Echo's HTTPErrorHandler runs after the commit. A panic that reaches the
// middleware saves nothing, so install it after Recover.
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

// WithAccess sets how a request holds its session. Defaults to
// [session.Exclusive] for all.
func WithAccess(access func(c echo.Context) session.Access) Option {
	return func(cfg *config) { cfg.access = access }
}

// WithErrorHandler sets what answers a request whose session could not be begun
// or committed. It is called once at most, before anything else was written, and
// may tell with [session.HTTPStatus] what happened. An error that it returns goes to
// Echo's HTTPErrorHandler at once. Defaults to [httpsession.Error].
func WithErrorHandler(onError func(c echo.Context, err error) error) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) echo.MiddlewareFunc {
	cfg := config{
		access: func(echo.Context) session.Access { return session.Exclusive },
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
			onError := func(outer http.ResponseWriter, _ *http.Request, failure error) {
				inner := response.Writer
				response.Writer = outer
				// A middleware that buffers may have set it, but nothing was sent.
				response.Committed = false
				defer func() { response.Writer = inner }()
				if failure = cfg.onError(c, failure); failure != nil {
					c.Error(failure)
				}
			}
			// The writer below Echo's, and not Echo's hook Before, which Flush and
			// Hijack do not call.
			httpsession.Serve(response.Writer, c.Request(), m, cfg.access(c), onError,
				func(w http.ResponseWriter, r *http.Request) {
					response.Writer = w
					c.SetRequest(r)
					err = next(c)
				})
			return err
		}
	}
}

// From returns the session of a request. It panics where [Middleware] is missing.
func From(c echo.Context) *session.Session { return session.FromContext(c.Request().Context()) }
