package others

import (
	"bufio"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	storage "github.com/gofiber/storage/redis/v3"
)

const byRegenerate = "by `Regenerate`"

func startFiber(s *site) {
	store := session.New(session.Config{Storage: storage.NewFromConnection(s.client())})
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/*", func(c *fiber.Ctx) error {
		s.running.Add(1)
		defer s.running.Done()
		held, err := store.Get(c)
		if err != nil {
			return err // there is no session
		}
		query := func(name string) string { return strings.Clone(c.Query(name)) }
		text, err := s.page(fiberExchange{c, held, s.aid}, c.Path(), query)
		if err != nil || text == "" {
			return err
		}
		return c.SendString(text)
	})
	s.serveFiber(app.Listener, app.ShutdownWithTimeout)
}

type fiberExchange struct {
	c   *fiber.Ctx
	s   *session.Session
	aid string
}

func (x fiberExchange) set(name, value string) { x.s.Set(name, value) }
func (x fiberExchange) putCart(c *cart)        { x.s.Set("cart", c) }

func (x fiberExchange) get(name string) string {
	v, _ := x.s.Get(name).(string)
	return v
}

func (x fiberExchange) cart() *cart {
	c, _ := x.s.Get("cart").(*cart)
	return c
}

func (x fiberExchange) save() error {
	if err := x.s.Save(); x.aid == checksSave {
		return err
	}
	return nil
}

func (x fiberExchange) saveInPlace() error { return x.s.Save() }

func (x fiberExchange) signIn(user string) error {
	if x.aid == byRegenerate {
		if err := x.s.Regenerate(); err != nil {
			return err
		}
	}
	x.s.Set("user", user)
	return nil
}

func (x fiberExchange) signOut() error { return x.s.Destroy() }

func (x fiberExchange) stream(text string) error {
	x.c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		_ = w.Flush() // the headers
		_, _ = w.WriteString(text)
	})
	return nil
}

func (x fiberExchange) waitUntilGone() {} // Fiber tells nobody
