package fiber3session_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/core/session"
)

// A visitor comes twice with the same cookie, and another one once.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	m, err := session.Open(session.Config{URL: "redis://" + server.Addr()}, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	app := fiber.New()
	app.Use(recover.New(), fiber3session.Middleware(m))
	app.Get("/", func(c fiber.Ctx) error {
		s := fiber3session.From(c)
		n := session.GetOr(s, "visits", 0) + 1
		s.Set("visits", n)
		return c.SendString(fmt.Sprintf("visit %d\n", n))
	})

	visit := func(cookies ...*http.Cookie) []*http.Cookie {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		response, err := app.Test(r)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(string(body))
		return response.Cookies()
	}
	cookies := visit()
	visit(cookies...)
	visit()
	// Output:
	// visit 1
	// visit 2
	// visit 1
}
