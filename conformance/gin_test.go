package conformance_test

import (
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var ginAdapter = conformance.Adapter{
	Name: "gin", Serve: serveGin,
	Lacks: []conformance.Feature{conformance.EarlyHints, conformance.ReaderFrom},
}

func serveGin(l net.Listener, app conformance.App) (stop func()) {
	return serveGinWith(l, app, ginMiddleware)
}

func ginMiddleware(app conformance.App) gin.HandlerFunc {
	var opts []ginsession.Option
	if app.Access != nil {
		opts = append(opts, ginsession.WithAccessFunc(func(c *gin.Context) session.Access { return app.Access[c.Request.URL.Path] }))
	}
	if app.Rule != nil {
		opts = append(opts, ginsession.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, ginsession.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, ginsession.WithErrorHandler(func(c *gin.Context, err error) { c.String(app.OnError(err)) }))
	}
	return ginsession.Middleware(app.Manager, opts...)
}

// ginChain is the middlewares that an application asks for.
func ginChain(app conformance.App, middleware func(app conformance.App) gin.HandlerFunc) []gin.HandlerFunc {
	var chain []gin.HandlerFunc
	if app.ReadsCookies {
		chain = append(chain, func(c *gin.Context) { _, _ = c.Cookie("any") })
	}
	chain = append(chain, middleware(app))
	if app.Between != nil {
		chain = append(chain, func(c *gin.Context) { app.Between(ginsession.From(c)) })
	}
	if app.Inner != nil {
		chain = append(chain, middleware(*app.Inner))
	}
	return chain
}

func serveGinWith(
	l net.Listener, app conformance.App, middleware func(app conformance.App) gin.HandlerFunc,
) (stop func()) {
	engine := gin.New()
	engine.Use(gin.RecoveryWithWriter(io.Discard))
	for path, handler := range app.Bare {
		engine.Any(path, bridgeGin(handler))
	}
	engine.Use(ginChain(app, middleware)...)
	for path, handler := range app.Routes {
		engine.Any(path, bridgeGin(handler))
	}
	return conformance.ServeHTTP(l, engine)
}

func bridgeGin(handler conformance.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handler(conformance.HTTP(c.Writer, c.Request, func() *session.Session { return ginsession.From(c) })); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
	}
}
