package conformance_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var fiber3Adapter = conformance.Adapter{
	Name: "fiber3", Serve: serveFiber3,
	Lacks: []conformance.Feature{
		conformance.Unbuffered, conformance.ReaderFrom, conformance.Controller, conformance.Cancellation,
	},
}

func serveFiber3(l net.Listener, app conformance.App) (stop func()) {
	return serveFiber3With(l, app, fiber3Middleware, fiber3session.From)
}

func fiber3Middleware(app conformance.App) fiber.Handler {
	var opts []fiber3session.Option
	if app.Access != nil {
		opts = append(opts, fiber3session.WithAccessFunc(func(c fiber.Ctx) session.Access { return app.Access[strings.Clone(c.Path())] }))
	}
	if app.Rule != nil {
		opts = append(opts, fiber3session.WithAccess(app.Rule))
	}
	if app.NeedsUser {
		opts = append(opts, fiber3session.RequirePrincipal(app.Within))
	}
	if app.OnError != nil {
		opts = append(opts, fiber3session.WithErrorHandler(func(c fiber.Ctx, err error) error {
			status, body := app.OnError(err)
			return c.Status(status).SendString(body)
		}))
	}
	return fiber3session.Middleware(app.Manager, opts...)
}

func serveFiber3With(
	l net.Listener, app conformance.App,
	middleware func(app conformance.App) fiber.Handler, from func(c fiber.Ctx) *session.Session,
) (stop func()) {
	f := fiber.New()
	f.Use(recover.New())
	for path, handler := range app.Bare {
		f.All(path, bridgeFiber3(handler, from))
	}
	if app.ReadsCookies {
		f.Use(func(c fiber.Ctx) error {
			c.Cookies("any")
			return c.Next()
		})
	}
	f.Use(middleware(app))
	if app.Between != nil {
		f.Use(func(c fiber.Ctx) error {
			app.Between(from(c))
			return c.Next()
		})
	}
	if app.Inner != nil {
		f.Use(middleware(*app.Inner))
	}
	for path, handler := range app.Routes {
		f.All(path, bridgeFiber3(handler, from))
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = f.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	}()
	return func() {
		_ = f.ShutdownWithTimeout(10 * time.Second) // it waits for handlers
		<-served
	}
}

func bridgeFiber3(handler conformance.Handler, from func(c fiber.Ctx) *session.Session) fiber.Handler {
	return func(c fiber.Ctx) error {
		var r http.Request
		if err := fasthttpadaptor.ConvertRequest(c.RequestCtx(), &r, true); err != nil {
			return err
		}
		w := &fiber3Writer{c: c, header: make(http.Header)}
		defer w.sendHeader()
		return handler(&conformance.Exchange{
			W: w, R: r.WithContext(c),
			From: func() *session.Session { return from(c) },
			Stream: func(write func(io.Writer, func() error)) {
				c.Response().ImmediateHeaderFlush = true
				c.RequestCtx().SetBodyStreamWriter(func(w *bufio.Writer) { write(w, w.Flush) })
			},
			Hijack: func(talk func(net.Conn)) error {
				c.Set(fiber.HeaderConnection, "Upgrade")
				c.Set(fiber.HeaderUpgrade, "conformance")
				c.Status(fiber.StatusSwitchingProtocols)
				c.RequestCtx().Hijack(func(conn net.Conn) { talk(conn) })
				return nil
			},
		})
	}
}

// fiber3Writer writes to a response of Fiber's.
type fiber3Writer struct {
	c      fiber.Ctx
	header http.Header
}

func (w *fiber3Writer) Header() http.Header         { return w.header }
func (w *fiber3Writer) Write(b []byte) (int, error) { return w.c.Write(b) }

func (w *fiber3Writer) WriteHeader(status int) {
	if status == fiber.StatusEarlyHints {
		_ = w.c.SendEarlyHints(w.header["Link"])
		delete(w.header, "Link") // the response has them already
		return
	}
	w.c.Status(status)
}

func (w *fiber3Writer) sendHeader() {
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
