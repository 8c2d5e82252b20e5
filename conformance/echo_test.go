package conformance_test

import (
	"io"
	"net"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var echoAdapter = conformance.Adapter{
	Name: "echo", Serve: serveEcho,
	Lacks: []conformance.Feature{conformance.EarlyHints, conformance.ReaderFrom},
}

func serveEcho(l net.Listener, app conformance.App) (stop func()) {
	return serveEchoWith(l, app, echoMiddleware(app))
}

func echoMiddleware(app conformance.App) echo.MiddlewareFunc {
	var opts []echosession.Option
	if app.Access != nil {
		opts = append(opts, echosession.WithAccess(func(c echo.Context) session.Access { return app.Access[c.Request().URL.Path] }))
	}
	if app.OnError != nil {
		opts = append(opts, echosession.WithErrorHandler(func(c echo.Context, err error) error { return c.String(app.OnError(err)) }))
	}
	return echosession.Middleware(app.Manager, opts...)
}

func serveEchoWith(l net.Listener, app conformance.App, sessions echo.MiddlewareFunc) (stop func()) {
	e := echo.New()
	e.Logger.SetOutput(io.Discard) // it logs panics
	e.Use(middleware.Recover())
	for path, handler := range app.Bare {
		e.Any(path, bridgeEcho(handler))
	}
	routes := e.Group("", sessions)
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
