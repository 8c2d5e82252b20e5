package main

import (
	"context"
	"mime/multipart"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

// fiberApp is a [server]. It is not net/http: a handler does not hear that its client has gone.
type fiberApp struct{ app *fiber.App }

var _ server = fiberApp{}

func (f fiberApp) Serve(l net.Listener) error         { return f.app.Listener(l) }
func (f fiberApp) Shutdown(ctx context.Context) error { return f.app.ShutdownWithContext(ctx) }

func fiberServer(m *session.Manager, routes []shop.Route) server {
	app := fiber.New(fiber.Config{
		BodyLimit:             shop.MaxForm,
		ReadBufferSize:        64 << 10, // all headers together: the default of 4 KiB is less than browsers send
		IdleTimeout:           2 * time.Minute,
		CaseSensitive:         true,
		StrictRouting:         true,
		DisableStartupMessage: true,
	})
	app.Use(recover.New())
	for _, route := range routes {
		app.Add(route.Method, route.Path, fibersession.Middleware(m, fibersession.WithAccess(session.Always(route.Access))),
			func(c *fiber.Ctx) error {
				answer := route.Handle(c.UserContext(), shop.Request{
					Accept: c.Get("Accept"),
					Form:   func(name string) string { return fiberForm(c, name) },
					Query:  func(name string) string { return c.Query(name) },
				})
				for name, value := range answer.Header {
					c.Set(name, value)
				}
				return c.Status(answer.Status).Send(answer.Body)
			})
	}
	return fiberApp{app}
}

// fiberRequest is what fiberForm needs of a request of Fiber, version 2 or 3.
type fiberRequest interface {
	Get(name string, defaults ...string) string
	Body() []byte
	MultipartForm() (*multipart.Form, error)
}

// fiberForm returns a field of the posted form. c.FormValue would look into the URL first.
// fiberForm copies, because the next request overwrites what Fiber returns.
func fiberForm(c fiberRequest, name string) string {
	if strings.HasPrefix(c.Get(fiber.HeaderContentType), fiber.MIMEApplicationForm) {
		// fasthttp would accept a form that is badly escaped.
		form, _ := url.ParseQuery(string(c.Body()))
		return form.Get(name)
	}
	form, err := c.MultipartForm()
	if err != nil || len(form.Value[name]) == 0 {
		return ""
	}
	return strings.Clone(form.Value[name][0])
}
