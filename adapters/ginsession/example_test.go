package ginsession_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/ginsession"
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

	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery(), ginsession.Middleware(m))
	router.GET("/", func(c *gin.Context) {
		s := ginsession.From(c)
		n := session.GetOr(s, "visits", 0) + 1
		s.Set("visits", n)
		c.String(http.StatusOK, "visit %d\n", n)
	})

	visit := func(cookies ...*http.Cookie) []*http.Cookie {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
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
