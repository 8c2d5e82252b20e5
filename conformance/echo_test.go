package conformance_test

import (
	"io"
	"net"

	"github.com/labstack/echo/v4"
	recoverer "github.com/labstack/echo/v4/middleware"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var echoAdapter = conformance.Adapter{
	Name: "echo", Serve: serveEcho,
	Lacks: []conformance.Feature{conformance.EarlyHints, conformance.ReaderFrom},
}

func serveEcho(l net.Listener, app conformance.App) (stop func()) {
	return serveEchoWith(l, app, echoMiddleware)
}

func echoMiddleware(app conformance.App) echo.MiddlewareFunc {
	var opts []echosession.Option
	if app.Access != nil {
		opts = append(opts, echosession.WithAccessFunc(func(c echo.Context) session.Access { return app.Access[c.Request().URL.Path] }))
	}
	if app.Rule != nil {
		opts = append(opts, echosession.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, echosession.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, echosession.WithErrorHandler(func(c echo.Context, err error) error { return c.String(app.OnError(err)) }))
	}
	return echosession.Middleware(app.Manager, opts...)
}

// echoChain is the middlewares that an application asks for.
func echoChain(app conformance.App, middleware func(app conformance.App) echo.MiddlewareFunc) []echo.MiddlewareFunc {
	before := func(then func(c echo.Context)) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				then(c)
				return next(c)
			}
		}
	}
	var chain []echo.MiddlewareFunc
	if app.ReadsCookies {
		chain = append(chain, before(func(c echo.Context) { _, _ = c.Cookie("any") }))
	}
	chain = append(chain, middleware(app))
	if app.Between != nil {
		chain = append(chain, before(func(c echo.Context) { app.Between(echosession.From(c)) }))
	}
	if app.Inner != nil {
		chain = append(chain, middleware(*app.Inner))
	}
	return chain
}

func serveEchoWith(
	l net.Listener, app conformance.App, middleware func(app conformance.App) echo.MiddlewareFunc,
) (stop func()) {
	e := echo.New()
	e.Logger.SetOutput(io.Discard) // it logs panics
	e.Use(recoverer.Recover())
	for path, handler := range app.Bare {
		e.Any(path, bridgeEcho(handler))
	}
	routes := e.Group("", echoChain(app, middleware)...)
	for path, handler := range app.Routes {
		routes.Any(path, bridgeEcho(handler))
	}
	return conformance.ServeHTTP(l, e)
}

func bridgeEcho(handler conformance.Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		return handler(conformance.HTTP(c.Response(), c.Request(), func() *session.Session { return echosession.From(c) }))
	}
}
