package conformance_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var fiberAdapter = conformance.Adapter{
	Name: "fiber", Serve: serveFiber,
	Lacks: []conformance.Feature{
		conformance.Unbuffered, conformance.EarlyHints, conformance.ReaderFrom, conformance.Controller,
		conformance.Cancellation,
	},
}

func serveFiber(l net.Listener, app conformance.App) (stop func()) {
	return serveFiberWith(l, app, fiberMiddleware, fibersession.From)
}

func fiberMiddleware(app conformance.App) fiber.Handler {
	var opts []fibersession.Option
	if app.Access != nil {
		opts = append(opts, fibersession.WithAccessFunc(func(c *fiber.Ctx) session.Access { return app.Access[strings.Clone(c.Path())] }))
	}
	if app.Rule != nil {
		opts = append(opts, fibersession.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, fibersession.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, fibersession.WithErrorHandler(func(c *fiber.Ctx, err error) error {
			status, body := app.OnError(err)
			return c.Status(status).SendString(body)
		}))
	}
	return fibersession.Middleware(app.Manager, opts...)
}

func serveFiberWith(
	l net.Listener, app conformance.App,
	middleware func(app conformance.App) fiber.Handler, from func(c *fiber.Ctx) *session.Session,
) (stop func()) {
	f := fiber.New(fiber.Config{DisableStartupMessage: true})
	f.Use(recover.New())
	for path, handler := range app.Bare {
		f.All(path, bridgeFiber(handler, from))
	}
	if app.ReadsCookies {
		f.Use(func(c *fiber.Ctx) error {
			c.Cookies("any")
			return c.Next()
		})
	}
	f.Use(middleware(app))
	if app.Between != nil {
		f.Use(func(c *fiber.Ctx) error {
			app.Between(from(c))
			return c.Next()
		})
	}
	if app.Inner != nil {
		f.Use(middleware(*app.Inner))
	}
	for path, handler := range app.Routes {
		f.All(path, bridgeFiber(handler, from))
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = f.Listener(l)
	}()
	return func() {
		_ = f.ShutdownWithTimeout(10 * time.Second) // it waits for handlers
		<-served
	}
}

func bridgeFiber(handler conformance.Handler, from func(c *fiber.Ctx) *session.Session) fiber.Handler {
	return func(c *fiber.Ctx) error {
		var r http.Request
		if err := fasthttpadaptor.ConvertRequest(c.Context(), &r, true); err != nil {
			return err
		}
		w := &fiberWriter{c: c, header: make(http.Header)}
		defer w.sendHeader()
		return handler(&conformance.Exchange{
			W: w, R: r.WithContext(c.UserContext()),
			From: func() *session.Session { return from(c) },
			Stream: func(write func(io.Writer, func() error)) {
				c.Response().ImmediateHeaderFlush = true
				c.Context().SetBodyStreamWriter(func(w *bufio.Writer) { write(w, w.Flush) })
			},
			Hijack: func(talk func(net.Conn)) error {
				c.Set(fiber.HeaderConnection, "Upgrade")
				c.Set(fiber.HeaderUpgrade, "conformance")
				c.Status(fiber.StatusSwitchingProtocols)
				c.Context().Hijack(func(conn net.Conn) { talk(conn) })
				return nil
			},
		})
	}
}

// fiberWriter writes to a response of Fiber's.
type fiberWriter struct {
	c      *fiber.Ctx
	header http.Header
}

func (w *fiberWriter) Header() http.Header         { return w.header }
func (w *fiberWriter) WriteHeader(status int)      { w.c.Status(status) }
func (w *fiberWriter) Write(b []byte) (int, error) { return w.c.Write(b) }

func (w *fiberWriter) sendHeader() {
	for name, values := range w.header {
		for i, value := range values {
			if i == 0 && name != fiber.HeaderSetCookie {
				w.c.Set(name, value)
				continue
			}
			w.c.Response().Header.Add(name, value)
		}
	}
}
