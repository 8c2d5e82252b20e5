package others

import (
	"bufio"
	"net"
	"strings"

	"github.com/gofiber/fiber/v3"
	recovering "github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/session"
	storage "github.com/gofiber/storage/redis/v3"
)

const withRecover = "with the middleware `recover`"

func startFiber3(s *site) {
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		s.running.Add(1)
		defer s.running.Done()
		defer func() {
			if recover() != nil {
				s.panicked.Store(true)
			}
		}()
		return c.Next()
	})
	if s.aid == withRecover {
		app.Use(recovering.New())
	}
	app.Use(session.New(session.Config{Storage: storage.NewFromConnection(s.client())}))
	app.Get("/*", func(c fiber.Ctx) error {
		query := func(name string) string { return strings.Clone(c.Query(name)) }
		text, err := s.page(fiber3Exchange{c, session.FromContext(c), s.aid}, c.Path(), query)
		if err != nil || text == "" {
			return err
		}
		return c.SendString(text)
	})
	serve := func(l net.Listener) error {
		return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	}
	s.serveFiber(serve, app.ShutdownWithTimeout)
}

type fiber3Exchange struct {
	c   fiber.Ctx
	s   *session.Middleware
	aid string
}

func (x fiber3Exchange) set(name, value string) { x.s.Set(name, value) }
func (x fiber3Exchange) putCart(c *cart)        { x.s.Set("cart", c) }

func (x fiber3Exchange) get(name string) string {
	v, _ := x.s.Get(name).(string)
	return v
}

func (x fiber3Exchange) cart() *cart {
	c, _ := x.s.Get("cart").(*cart)
	return c
}

// The middleware saves each session at the end of its request.

func (x fiber3Exchange) save() error        { return nil }
func (x fiber3Exchange) saveInPlace() error { return nil }

func (x fiber3Exchange) signIn(user string) error {
	if x.aid == byRegenerate {
		if err := x.s.Regenerate(); err != nil {
			return err
		}
	}
	x.s.Set("user", user)
	return nil
}

func (x fiber3Exchange) signOut() error { return x.s.Destroy() }

func (x fiber3Exchange) stream(text string) error {
	return x.c.SendStreamWriter(func(w *bufio.Writer) {
		_ = w.Flush() // the headers
		_, _ = w.WriteString(text)
	})
}

func (x fiber3Exchange) waitUntilGone() {} // Fiber tells nobody
