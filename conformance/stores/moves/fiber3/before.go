// Package fiber3 is an application that moves from the session middleware of Fiber v3 to berth.
package fiber3

import (
	"fmt"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	storage "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
)

// Before returns the application with the sessions of Fiber. They are in the Redis of client.
func Before(client *redis.Client) *fiber.App {
	app := fiber.New()
	app.Use(session.New(session.Config{Storage: storage.NewFromConnection(client)}))
	app.Get("/", homeBefore)
	app.Post("/login", signInBefore)
	app.Post("/logout", signOutBefore)
	return app
}

func homeBefore(c fiber.Ctx) error {
	s := session.FromContext(c)
	n, _ := s.Get("visits").(int)
	user, _ := s.Get("user").(string)
	flash, _ := s.Get("flash").(string)
	s.Set("visits", n+1)
	s.Delete("flash")
	return c.SendString(fmt.Sprintf("user %q, visit %d, [%s]", user, n+1, flash))
}

func signInBefore(c fiber.Ctx) error {
	s := session.FromContext(c)
	if err := s.Regenerate(); err != nil {
		return err
	}
	s.Set("user", c.FormValue("user"))
	s.Set("flash", "Welcome.")
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

func signOutBefore(c fiber.Ctx) error {
	if err := session.FromContext(c).Destroy(); err != nil {
		return err
	}
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}
