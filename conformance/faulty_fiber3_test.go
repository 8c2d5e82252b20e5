package conformance_test

import (
	"net"
	"strings"
	"unsafe"

	"github.com/gofiber/fiber/v3"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

// fiber3ByHand is an adapter of Fiber 3 that reads the Cookie header as fasthttp has it.
type fiber3ByHand struct {
	carries bool // the session, where FromContext(c) looks for it
	defers  bool // the rollback
	keeps   bool // fasthttp's buffers
}

func (a fiber3ByHand) serve(l net.Listener, app conformance.App) (stop func()) {
	from := func(c fiber.Ctx) *session.Session { return session.FromContext(c.Context()) }
	return serveFiber3With(l, app, a.middleware, from)
}

func (a fiber3ByHand) middleware(app conformance.App) fiber.Handler {
	return func(c fiber.Ctx) error {
		ctx := c.Context()
		h := fiber3Header{a, c}
		path := a.text(c.Request().URI().PathOriginal())
		r := session.Request{Headers: h, Method: strings.Clone(c.Method()), Path: path, Host: string(c.RequestCtx().Host())}
		s, err := app.Manager.Adapter().Begin(ctx, r, app.Access[strings.Clone(path)])
		if err != nil {
			return fiber3Page(c, app, err)
		}
		if a.defers {
			defer s.Rollback(ctx)
		}
		c.SetContext(session.NewContext(ctx, s))
		if a.carries {
			session.Carry(s, c.RequestCtx().SetUserValue)
		}
		err = c.Next()
		if err := s.Finish(ctx); err != nil {
			return fiber3Page(c, app, err)
		}
		s.SetHeaders(h, h, c.RequestCtx().IsTLS())
		return err
	}
}

func (a fiber3ByHand) text(b []byte) string {
	if a.keeps {
		return unsafe.String(&b[0], len(b))
	}
	return string(b)
}

func fiber3Page(c fiber.Ctx, app conformance.App, err error) error {
	c.Response().Reset()
	if app.OnError == nil {
		return fiber3session.Error(c, err)
	}
	status, body := app.OnError(err)
	return c.Status(status).SendString(body)
}

type fiber3Header struct {
	a fiber3ByHand
	c fiber.Ctx
}

func (h fiber3Header) Values(name string) []string {
	var values []string
	for _, value := range h.c.Request().Header.PeekAll(name) {
		if len(value) > 0 {
			values = append(values, h.a.text(value))
		}
	}
	return values
}

func (h fiber3Header) Set(name, value string) { h.c.Response().Header.Set(name, value) }
func (h fiber3Header) Add(name, value string) { h.c.Response().Header.Add(name, value) }
func (h fiber3Header) Del(name string)        { h.c.Response().Header.Del(name) }
