package echo5session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/berthgo/berth/adapters/echo5session"
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

	e := echo.New()
	e.Use(middleware.Recover(), echo5session.Middleware(m))
	e.GET("/", func(c *echo.Context) error {
		s := echo5session.From(c)
		n := session.GetOr(s, "visits", 0) + 1
		s.Set("visits", n)
		return c.String(http.StatusOK, fmt.Sprintf("visit %d\n", n))
	})

	visit := func(cookies ...*http.Cookie) []*http.Cookie {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Print(w.Body)
		return w.Result().Cookies()
	}
	cookies := visit()
	visit(cookies...)
	visit()
	// Output:
	// visit 1
	// visit 2
	// visit 1
}
