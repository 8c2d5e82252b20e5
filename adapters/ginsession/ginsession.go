// Package ginsession puts berth's sessions under Gin:
//
//	r := gin.Default()
//	r.Use(ginsession.Middleware(m))
//	r.GET("/", func(c *gin.Context) {
//		s := ginsession.From(c)
//		s.Set("loginTime", time.Now())
//	})
//
// Business code that knows no framework finds the same session by
// [session.FromContext] in the request's context, c.Request.Context().
//
// The session is committed before the first byte of the response, or when the
// handlers have returned; an answer such as AbortWithError is a response like any
// other. A panic that reaches the middleware saves nothing, so install it after
// [gin.Recovery], as with gin.Default above.
//
// [gin.Engine.HandleContext] takes the middlewares' writers away from a request, and
// with it the commit. Where it is used, put [httpsession.Middleware] around the
// engine, in place of this one; [session.FromContext] finds the session there too.
package ginsession

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(*gin.Context) session.Access
	onError func(*gin.Context, error)
}

// WithAccess sets how a request holds its session. Defaults to
// [session.Exclusive] for all.
func WithAccess(access func(c *gin.Context) session.Access) Option {
	return func(cfg *config) { cfg.access = access }
}

// WithErrorHandler sets what answers a request whose session could not be begun
// or committed. It is called once at most, before anything else was written and
// with c aborted, and may tell with [session.HTTPStatus] what happened. Defaults to
// [httpsession.Error].
func WithErrorHandler(onError func(c *gin.Context, err error)) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) gin.HandlerFunc {
	cfg := config{
		access:  func(*gin.Context) session.Access { return session.Exclusive },
		onError: func(c *gin.Context, err error) { httpsession.Error(c.Writer, c.Request, err) },
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	return func(c *gin.Context) {
		outer := c.Writer
		onError := func(_ http.ResponseWriter, _ *http.Request, err error) {
			inner := c.Writer
			c.Writer = outer
			defer func() { c.Writer = inner }()
			c.Abort()
			c.Status(http.StatusOK) // what the handler noted is not true of this response
			cfg.onError(c, err)
		}
		var own *writer
		httpsession.Serve(outer, c.Request, m, cfg.access(c), onError, func(w http.ResponseWriter, r *http.Request) {
			own = &writer{ResponseWriter: outer, session: w}
			c.Writer, c.Request = own, r
			c.Next()
		})
		if c.Writer == own {
			c.Writer = outer // an error handler may have left the body to a middleware out there
		}
	}
}

// From returns the session of a request. It panics where [Middleware] is missing.
func From(c *gin.Context) *session.Session { return session.FromContext(c.Request.Context()) }
