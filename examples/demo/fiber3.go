package main

import (
	"context"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

// fiber3App is a [server]. It is not net/http: a handler does not hear that its client has gone.
type fiber3App struct{ app *fiber.App }

var _ server = fiber3App{}

func (f fiber3App) Serve(l net.Listener) error {
	return f.app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

func (f fiber3App) Shutdown(ctx context.Context) error { return f.app.ShutdownWithContext(ctx) }

func fiber3Server(m *session.Manager, routes []shop.Route) server {
	app := fiber.New(fiber.Config{
		BodyLimit:      shop.MaxForm,
		ReadBufferSize: 64 << 10, // all headers together: the default of 4 KiB is less than browsers send
		IdleTimeout:    2 * time.Minute,
		CaseSensitive:  true,
		StrictRouting:  true,
	})
	app.Use(recover.New())
	for _, route := range routes {
		app.Add([]string{route.Method}, route.Path, fiber3session.Middleware(m, fiber3session.WithAccess(session.Always(route.Access))),
			func(c fiber.Ctx) error {
				answer := route.Handle(c, shop.Request{
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
	return fiber3App{app}
}
