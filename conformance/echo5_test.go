package conformance_test

import (
	"log/slog"
	"net"

	"github.com/labstack/echo/v5"
	recoverer "github.com/labstack/echo/v5/middleware"

	"github.com/berthgo/berth/adapters/echo5session"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var echo5Adapter = conformance.Adapter{
	Name: "echo5", Serve: serveEcho5,
	Lacks: []conformance.Feature{conformance.EarlyHints, conformance.ReaderFrom},
}

func serveEcho5(l net.Listener, app conformance.App) (stop func()) {
	return serveEcho5With(l, app, echo5Middleware)
}

func echo5Middleware(app conformance.App) echo.MiddlewareFunc {
	var opts []echo5session.Option
	if app.Access != nil {
		opts = append(opts, echo5session.WithAccessFunc(func(c *echo.Context) session.Access { return app.Access[c.Request().URL.Path] }))
	}
	if app.Rule != nil {
		opts = append(opts, echo5session.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, echo5session.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, echo5session.WithErrorHandler(func(c *echo.Context, err error) error { return c.String(app.OnError(err)) }))
	}
	return echo5session.Middleware(app.Manager, opts...)
}

// echo5Chain is the middlewares that an application asks for.
func echo5Chain(app conformance.App, middleware func(app conformance.App) echo.MiddlewareFunc) []echo.MiddlewareFunc {
	before := func(then func(c *echo.Context)) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error {
				then(c)
				return next(c)
			}
		}
	}
	var chain []echo.MiddlewareFunc
	if app.ReadsCookies {
		chain = append(chain, before(func(c *echo.Context) { _, _ = c.Cookie("any") }))
	}
	chain = append(chain, middleware(app))
	if app.Between != nil {
		chain = append(chain, before(func(c *echo.Context) { app.Between(echo5session.From(c)) }))
	}
	if app.Inner != nil {
		chain = append(chain, middleware(*app.Inner))
	}
	return chain
}

func serveEcho5With(
	l net.Listener, app conformance.App, middleware func(app conformance.App) echo.MiddlewareFunc,
) (stop func()) {
	e := echo.New()
	e.Logger = slog.New(slog.DiscardHandler) // it logs panics
	e.Use(recoverer.Recover())
	for path, handler := range app.Bare {
		e.Any(path, bridgeEcho5(handler))
	}
	routes := e.Group("", echo5Chain(app, middleware)...)
	for path, handler := range app.Routes {
		routes.Any(path, bridgeEcho5(handler))
	}
	return conformance.ServeHTTP(l, e)
}

func bridgeEcho5(handler conformance.Handler) echo.HandlerFunc {
	return func(c *echo.Context) error {
		return handler(conformance.HTTP(c.Response(), c.Request(), func() *session.Session { return echo5session.From(c) }))
	}
}
