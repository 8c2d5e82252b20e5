// Package fiber3session gives every request of Fiber 3 a session:
//
//	app := fiber.New()
//	app.Use(recover.New(), fiber3session.Middleware(m))
//	app.Get("/", func(c fiber.Ctx) error {
//		s := fiber3session.From(c)
//		s.Set("loginTime", time.Now())
//		return c.SendStatus(fiber.StatusNoContent)
//	})
//
// A group of routes may need a user, or another access. It gets the middleware once more:
//
//	account := app.Group("/account", fiber3session.Middleware(m, fiber3session.RequirePrincipal(0)))
//
// Code that knows no framework gets the same session from [session.FromContext], with c itself or with
// c.Context(). So does a handler of net/http, which Fiber takes as it is, with the context of its
// request, and a handler of the form func(fiber.Req, fiber.Res), with req.RequestCtx().
//
// Fiber sends nothing before the handler has returned. The middleware commits the session then. An
// error that the handler returns is a response like any other: Fiber's ErrorHandler runs after the
// commit.
//
// c.End sends the response at once, before the commit. Call [End] in its place. After c.End and c.Drop the
// session is saved all the same. But a cookie that the client should have got is not sent, and
// [session.ErrUnsent] is reported. Nor does the client hear of a commit that fails. A handler of net/http
// that takes the connection over is like that too; but if its commit fails, fasthttp writes the error page
// into that connection. Let it call Finish and SetHeaders before: see [session.ErrUnsent].
//
// Fiber's timeout middleware answers while the handler still runs. That is an answer: the session is
// saved as it is then, and its cookie is sent. What the handler changes afterwards is lost, and
// [session.ErrSealed] is reported. If the commit fails, the answer is that of [session.HTTPStatus]. That
// is so for a timeout behind this middleware. A timeout around it answers before the commit: the
// session is saved when the handler returns, and a cookie that is due is [session.ErrUnsent].
//
// Body stream writers and hijacked connections are not part of the handler. If they change the
// session after the commit, the change is lost and [session.ErrSealed] is reported.
//
// A panic that reaches the middleware saves nothing. Fiber alone lets a panic end the process. So
// install recover before this middleware.
//
// [docs/testing.md] shows how to test your handlers, with package [sessiontest].
//
// [docs/testing.md]: https://github.com/berthgo/berth/blob/HEAD/docs/testing.md
// [sessiontest]: https://pkg.go.dev/github.com/berthgo/berth/core/sessiontest
package fiber3session

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/berthgo/berth/core/buffered"
	"github.com/berthgo/berth/core/session"
)

// Option changes what [Middleware] does.
type Option func(*config)

type config struct {
	access  func(fiber.Ctx, session.Request) session.Access
	require session.Requirement
	onError func(fiber.Ctx, error) error
}

// WithAccess sets how a request holds its session, by a rule such as [session.ByRoute] or
// [session.Always]. A second middleware, for example on a group of routes, changes the access
// for these. That is an error once somebody has read or changed the session. Of several WithAccess and
// WithAccessFunc the last one counts. Defaults to [session.Exclusive] for all requests, and to no
// change in a second middleware.
//
// A pattern of ByRoute does not match a path in other letters. Fiber's own routes do, unless its
// CaseSensitive is set.
func WithAccess(rule session.Rule) Option {
	return func(cfg *config) {
		cfg.access = func(_ fiber.Ctx, r session.Request) session.Access { return rule(r) }
	}
}

// WithAccessFunc is [WithAccess] with a function of Fiber's context.
func WithAccessFunc(access func(c fiber.Ctx) session.Access) Option {
	return func(cfg *config) {
		cfg.access = func(c fiber.Ctx, _ session.Request) session.Access { return access(c) }
	}
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
// it does not meet [RequirePrincipal]. It is called once at most, and not for a request that Fiber's
// timeout middleware has answered. What the handler wrote is gone by then. [session.HTTPStatus] returns a status for err. If it returns an error, that goes to Fiber's
// ErrorHandler. Defaults to [Error].
func WithErrorHandler(onError func(c fiber.Ctx, err error) error) Option {
	return func(cfg *config) { cfg.onError = onError }
}

// Error leaves [session.ErrNoPrincipal] and [session.ErrSignInTooOld] to Fiber's ErrorHandler: it
// returns them together with a [fiber.Error] that has the status. It answers other errors with the
// status and Retry-After of [session.HTTPStatus].
func Error(c fiber.Ctx, err error) error {
	if errors.Is(err, session.ErrNoPrincipal) || errors.Is(err, session.ErrSignInTooOld) {
		status, _ := session.HTTPStatus(err)
		return refusal{fiber.NewError(status), err}
	}
	answer(c.Response(), err)
	return nil
}

func answer(response *fasthttp.Response, err error) {
	status, retryAfter := session.HTTPStatus(err)
	if retryAfter > 0 {
		response.Header.Set(fiber.HeaderRetryAfter, strconv.Itoa(retryAfter))
	}
	response.Header.Set(fiber.HeaderCacheControl, "no-store")
	response.Header.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	response.Header.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	response.SetStatusCode(status)
	response.SetBodyString(http.StatusText(status) + "\n")
}

// refusal is an error that Fiber's ErrorHandler takes for a [fiber.Error]. Its text is that of the
// status alone.
type refusal struct {
	status *fiber.Error
	reason error
}

func (r refusal) Error() string { return r.status.Error() }

// Unwrap returns both errors.
func (r refusal) Unwrap() []error { return []error{r.status, r.reason} }

// Middleware gives every request a session of m.
func Middleware(m *session.Manager, opts ...Option) fiber.Handler {
	cfg := config{onError: Error}
	for _, opt := range opts {
		opt(&cfg)
	}
	return func(c fiber.Ctx) error {
		ctx := c.Context()
		x := &exchange{c: c, ctx: ctx, onError: cfg.onError}
		defer x.release()
		b := buffered.Request{Request: request(c), Encrypted: c.RequestCtx().IsTLS(), Require: cfg.require, Exchange: x}
		if cfg.access != nil {
			b.Access = func(r session.Request) session.Access { return cfg.access(c, r) }
		}
		return buffered.Serve(ctx, m, b)
	}
}

// request copies, because the next request overwrites what Fiber returns.
func request(c fiber.Ctx) session.Request {
	return session.Request{
		Headers: requestHeader{c},
		Method:  strings.Clone(c.Method()),
		Path:    strings.Clone(c.Path()),
		Host:    string(c.RequestCtx().Host()),
	}
}

type localsKey struct{}

// From returns the session of a request. It also finds one that [session.NewContext] has put into
// c.Context(). It panics if [Middleware] is missing.
func From(c fiber.Ctx) *session.Session {
	if s, ok := c.Locals(localsKey{}).(*session.Session); ok {
		return s
	}
	return session.FromContext(c.Context())
}

// End commits the session of a request. Then it sends the response and closes the connection, as c.End
// does. If the commit fails, nothing is sent: return the error. It panics if [Middleware] is missing.
func End(c fiber.Ctx) error {
	s := From(c)
	if err := s.Finish(c.Context()); err != nil {
		return err
	}
	s.SetHeaders(requestHeader{c}, responseHeader{c.Response()}, c.RequestCtx().IsTLS())
	return c.End()
}
