// Package fiber is an application that moves from the session middleware of Fiber v2 to berth.
package fiber

import (
	"fmt"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	storage "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
)

type before struct{ store *session.Store }

// Before returns the application with the sessions of Fiber. They are in the Redis of client.
func Before(client *redis.Client) *fiber.App {
	b := before{session.New(session.Config{Storage: storage.NewFromConnection(client)})}
	app := fiber.New()
	app.Get("/", b.home)
	app.Post("/login", b.signIn)
	app.Post("/logout", b.signOut)
	return app
}

func (b before) home(c *fiber.Ctx) error {
	s, err := b.store.Get(c)
	if err != nil {
		return err
	}
	n, _ := s.Get("visits").(int)
	user, _ := s.Get("user").(string)
	flash, _ := s.Get("flash").(string)
	s.Set("visits", n+1)
	s.Delete("flash")
	if err := s.Save(); err != nil {
		return err
	}
	return c.SendString(fmt.Sprintf("user %q, visit %d, [%s]", user, n+1, flash))
}

func (b before) signIn(c *fiber.Ctx) error {
	s, err := b.store.Get(c)
	if err != nil {
		return err
	}
	if err := s.Regenerate(); err != nil {
		return err
	}
	s.Set("user", c.FormValue("user"))
	s.Set("flash", "Welcome.")
	if err := s.Save(); err != nil {
		return err
	}
	return c.Redirect("/", fiber.StatusSeeOther)
}

func (b before) signOut(c *fiber.Ctx) error {
	s, err := b.store.Get(c)
	if err != nil {
		return err
	}
	if err := s.Destroy(); err != nil {
		return err
	}
	return c.Redirect("/", fiber.StatusSeeOther)
}
