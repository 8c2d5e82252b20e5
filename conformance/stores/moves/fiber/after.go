package fiber

import (
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/session"
)

const (
	visits session.Key[int]    = "visits"
	flash  session.Key[string] = "flash"
)

// After returns the application with berth.
func After(client *redis.Client) (*fiber.App, error) {
	m, err := session.New(client, session.Options{
		App: "shop", Timeout: 24 * time.Hour, Cookie: session.Cookie{MaxAge: 24 * time.Hour},
	})
	if err != nil {
		return nil, err
	}
	app := fiber.New()
	app.Use(recover.New(), fibersession.Middleware(m))
	app.Get("/", home)
	app.Post("/login", signIn)
	app.Post("/logout", signOut)
	return app, nil
}

func home(c *fiber.Ctx) error {
	s := fibersession.From(c)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	return c.SendString(fmt.Sprintf("user %q, visit %d, [%s]", s.Principal(), n, flash.Pop(s)))
}

func signIn(c *fiber.Ctx) error {
	s := fibersession.From(c)
	s.SetPrincipal(c.FormValue("user"))
	flash.Set(s, "Welcome.")
	return c.Redirect("/", fiber.StatusSeeOther)
}

func signOut(c *fiber.Ctx) error {
	fibersession.From(c).Abandon()
	return c.Redirect("/", fiber.StatusSeeOther)
}
