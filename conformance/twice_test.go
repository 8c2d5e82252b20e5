package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	redisserver "github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	fiber3 "github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/echo5session"
	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/session"
)

// A middleware may be installed twice, for example on a group. The inner one then lets the request
// through: it would wait for the lease that the outer one holds.
func TestInstalledTwice(t *testing.T) {
	t.Parallel()
	mini := redisserver.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{LockWait: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	count := func(s *session.Session) string {
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		return string(rune('1' + n))
	}

	g := gin.New()
	g.Use(ginsession.Middleware(m), ginsession.Middleware(m))
	g.GET("/", func(c *gin.Context) { c.String(http.StatusOK, count(ginsession.From(c))) })

	e := echo.New()
	e.Use(echosession.Middleware(m), echosession.Middleware(m))
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, count(echosession.From(c))) })

	e5 := echo5.New()
	e5.Use(echo5session.Middleware(m), echo5session.Middleware(m))
	e5.GET("/", func(c *echo5.Context) error { return c.String(http.StatusOK, count(echo5session.From(c))) })

	f3 := fiber3.New()
	f3.Use(fiber3session.Middleware(m), fiber3session.Middleware(m))
	f3.Get("/", func(c fiber3.Ctx) error { return c.SendString(count(fiber3session.From(c))) })

	f := fiber.New()
	f.Use(fibersession.Middleware(m), fibersession.Middleware(m))
	f.Get("/", func(c *fiber.Ctx) error { return c.SendString(count(fibersession.From(c))) })

	type asker func(r *http.Request) (body string, cookies []*http.Cookie)
	overHTTP := func(h http.Handler) asker {
		return func(r *http.Request) (string, []*http.Cookie) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			response := w.Result()
			defer response.Body.Close()
			return w.Body.String(), response.Cookies()
		}
	}
	overFiber := func(test func(r *http.Request) (*http.Response, error)) asker {
		return func(r *http.Request) (string, []*http.Cookie) {
			p := answerOf(t, func() (*http.Response, error) { return test(r) })
			return p.body, p.cookies
		}
	}
	for name, ask := range map[string]asker{
		"gin": overHTTP(g), "echo": overHTTP(e), "echo5": overHTTP(e5),
		"fiber":  overFiber(func(r *http.Request) (*http.Response, error) { return f.Test(r, -1) }),
		"fiber3": overFiber(func(r *http.Request) (*http.Response, error) { return f3.Test(r, fiber3.TestConfig{}) }),
	} {
		cookie := ""
		for _, want := range []string{"1", "2", "3"} {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("Cookie", cookie)
			body, cookies := ask(r)
			if body != want {
				t.Fatalf("%s: the answer is %q, want %s", name, body, want)
			}
			if len(cookies) == 1 {
				cookie = cookies[0].Name + "=" + cookies[0].Value
			}
		}
	}
}
