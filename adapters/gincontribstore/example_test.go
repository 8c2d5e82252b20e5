package gincontribstore_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/gincontribstore"
	"github.com/berthgo/berth/core/session"
)

// A visitor comes twice with the same cookie, and another one once.
// The handler is written for gin-contrib/sessions.
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

	store, err := gincontribstore.New(m) // before: redis.NewStore(…)
	if err != nil {
		log.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery(), sessions.Sessions("shop-session", store))
	router.GET("/", func(c *gin.Context) {
		s := sessions.Default(c)
		n, _ := s.Get("visits").(int)
		s.Set("visits", n+1)
		if err := s.Save(); err != nil {
			c.String(http.StatusServiceUnavailable, "try again later\n")
			return
		}
		c.String(http.StatusOK, "visit %d\n", n+1)
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
