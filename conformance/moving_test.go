package conformance_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	fiber3 "github.com/gofiber/fiber/v3"
	adaptor3 "github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
	sessions "github.com/berthgo/berth/core/sessiontest"
)

// leftLibrary has one session, whose cookie is NAME=ann.
type leftLibrary struct {
	name string
	gone atomic.Bool
}

func (l *leftLibrary) Cookie() http.Cookie { return http.Cookie{Name: l.name, Path: "/"} }

func (l *leftLibrary) Load(_ *http.Request, into *session.Session) (bool, error) {
	into.Set("user", "ann")
	return !l.gone.Load(), nil
}

func (l *leftLibrary) End(*http.Request) error {
	l.gone.Store(true)
	return nil
}

// fiberTest is Test of an application of Fiber.
type fiberTest = func(r *http.Request) (*http.Response, error)

// Fiber takes the middleware that moves sessions by its adaptor. No cache keeps the response with the new cookie,
// whatever the handler says.
func TestMovingUnderFiber(t *testing.T) {
	t.Parallel()
	for name, application := range map[string]func(m *session.Manager, move func(http.Handler) http.Handler) fiberTest{
		"Fiber 2": func(m *session.Manager, move func(http.Handler) http.Handler) fiberTest {
			app := fiber.New()
			app.Use(adaptor.HTTPMiddleware(move), fibersession.Middleware(m))
			app.Get("/", func(c *fiber.Ctx) error {
				c.Set("Cache-Control", "public")
				return c.SendString(session.GetOr(fibersession.From(c), "user", "nobody"))
			})
			return func(r *http.Request) (*http.Response, error) { return app.Test(r, -1) }
		},
		"Fiber 3": func(m *session.Manager, move func(http.Handler) http.Handler) fiberTest {
			app := fiber3.New()
			app.Use(adaptor3.HTTPMiddleware(move), fiber3session.Middleware(m))
			app.Get("/", func(c fiber3.Ctx) error {
				c.Set("Cache-Control", "public")
				return c.SendString(session.GetOr(fiber3session.From(c), "user", "nobody"))
			})
			return func(r *http.Request) (*http.Response, error) { return app.Test(r, fiber3.TestConfig{}) }
		},
	} {
		for _, old := range []string{"old", "session"} { // or the name of berth's own cookie
			t.Run(name+" "+old, func(t *testing.T) {
				t.Parallel()
				all := sessions.New(t, session.Options{})
				move, err := moving.Middleware(all.Manager, &leftLibrary{name: old})
				if err != nil {
					t.Fatal(err)
				}
				browser := all.ClientFunc(application(all.Manager, move), &http.Cookie{Name: old, Value: "ann"})
				for i := range 2 {
					response, err := browser.Get("/")
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(response.Body)
					response.Body.Close()
					if err != nil {
						t.Fatal(err)
					}
					set := strings.Join(response.Header["Set-Cookie"], "\n")
					cached := response.Header.Get("Cache-Control") == "public"
					if string(body) != "ann" || (i == 0) != strings.Contains(set, "session=") || cached != (i > 0) {
						t.Errorf("request %d answers %q with %v", i, body, response.Header)
					}
				}
			})
		}
	}
}
