package conformance_test

import (
	"net"
	"sync"

	"github.com/labstack/echo/v5"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

func echo5WithBeforeHook(l net.Listener, app conformance.App) (stop func()) {
	return serveEcho5With(l, app, func(app conformance.App) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error {
				r := c.Request()
				response, err := echo.UnwrapResponse(c.Response())
				if err != nil {
					return err
				}
				s, err := app.Manager.Adapter().Begin(r.Context(), requestOf(r), app.Access[r.URL.Path])
				if err != nil {
					page(app)(c.Response(), r, err)
					return nil
				}
				defer s.Rollback(r.Context())
				c.SetRequest(r.WithContext(session.NewContext(r.Context(), s)))
				commit := sync.OnceFunc(func() {
					_ = s.Finish(r.Context())
					s.SetHeaders(r.Header, response.Header(), r.TLS != nil)
				})
				response.Before(commit)
				err = next(c)
				commit()
				return err
			}
		}
	})
}
