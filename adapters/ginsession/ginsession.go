// Package ginsession gives every request of Gin a session:
//
//	r := gin.Default()
//	r.Use(ginsession.Middleware(m))
//	r.GET("/", func(c *gin.Context) {
//		s := ginsession.From(c)
//		s.Set("loginTime", time.Now())
//	})
//
// A group of routes may need a user, or another access. It gets the middleware once more:
//
//	account := r.Group("/account", ginsession.Middleware(m, ginsession.RequirePrincipal(0)))
//
// Code that knows no framework gets the same session from [session.FromContext], with
// the request's context, c.Request.Context().
//
// The middleware commits the session before the first byte of the response, or when the handlers have
// returned. An answer such as AbortWithError is a response like any other. A panic that reaches the
// middleware saves nothing. So install it after [gin.Recovery], as with gin.Default above.
//
// [gin.Engine.HandleContext] takes the middlewares' writers away from a request, and so the commit
// too. If you use it, put [httpsession.Middleware] around the engine, in place of this middleware.
// [session.FromContext] finds the session there too.
//
// [docs/testing.md] shows how to test your handlers, with package [sessiontest].
//
// [docs/testing.md]: https://github.com/berthgo/berth/blob/HEAD/docs/testing.md
// [sessiontest]: https://pkg.go.dev/github.com/berthgo/berth/core/sessiontest
package ginsession

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(*gin.Context) session.Access
	require session.Requirement
	onError func(*gin.Context, error)
}

// WithAccess sets how a request holds its session, by a rule such as [session.ByRoute] or
// [session.Always]. A second middleware, for example on a group of routes, changes the access
// for these. That is an error once somebody has read or changed the session. Of several WithAccess and
// WithAccessFunc the last one counts. Defaults to [session.Exclusive] for all requests, and to no
// change in a second middleware.
func WithAccess(rule session.Rule) Option {
	return WithAccessFunc(func(c *gin.Context) session.Access { return rule(httpsession.Request(c.Request)) })
}

// WithAccessFunc is [WithAccess] with a function of Gin's context.
func WithAccessFunc(access func(c *gin.Context) session.Access) Option {
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
// it does not meet [RequirePrincipal]. It is called once at most, before anything else was written. c is
// aborted, and the header Vary is set, by then: add to it. [session.HTTPStatus] returns a status for
// err. Defaults to [Error].
func WithErrorHandler(onError func(c *gin.Context, err error)) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Error answers err as a middleware does without [WithErrorHandler], as [httpsession.Error] does. An error
// handler calls it for what it does not answer itself.
func Error(c *gin.Context, err error) { httpsession.Error(c.Writer, c.Request, err) }

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) gin.HandlerFunc {
	cfg := config{onError: Error}
	for _, opt := range opts {
		opt(&cfg)
	}
	return func(c *gin.Context) {
		outer := c.Writer
		var own *writer
		onError := func(_ http.ResponseWriter, r *http.Request, err error) {
			if own == nil {
				c.Request = r // which has the session, if there is one
			}
			inner := c.Writer
			c.Writer = outer
			defer func() { c.Writer = inner }()
			c.Abort()
			c.Status(http.StatusOK) // the handler's status does not belong to the error response
			cfg.onError(c, err)
		}
		terms := httpsession.Terms{Require: cfg.require, OnError: onError}
		if cfg.access != nil {
			terms.Access = func(*http.Request) session.Access { return cfg.access(c) }
		}
		httpsession.Serve(outer, c.Request, m, terms, func(w http.ResponseWriter, r *http.Request) {
			own = &writer{ResponseWriter: outer, session: w}
			c.Writer, c.Request = own, r
			c.Next()
		})
		if c.Writer == own {
			c.Writer = outer // an error handler may leave the body to an outer middleware
		}
	}
}

// From returns the session of a request. It panics if [Middleware] is missing.
func From(c *gin.Context) *session.Session { return session.FromContext(c.Request.Context()) }
