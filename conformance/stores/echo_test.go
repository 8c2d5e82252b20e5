package stores_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/sessions"
	contrib "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/session"
)

// An application that is written for the session middleware of echo-contrib needs one changed line: that
// of its store. Behind berth's own middleware it loses no count.
func TestEchoContrib(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		for name, around := range map[string]func(m *session.Manager) []echo.MiddlewareFunc{
			"alone": func(*session.Manager) []echo.MiddlewareFunc { return nil },
			"behind the middleware": func(m *session.Manager) []echo.MiddlewareFunc {
				return []echo.MiddlewareFunc{echosession.Middleware(m)}
			},
		} {
			t.Run(name, func(t *testing.T) {
				m := newManager(t, addr, session.Options{})
				store, err := gorillastore.New(m) // the changed line
				if err != nil {
					t.Fatal(err)
				}
				e := echo.New()
				outer := around(m)
				e.Use(outer...)
				e.Use(contrib.Middleware(store))
				change := func(f func(c echo.Context, is *sessions.Session)) echo.HandlerFunc {
					return func(c echo.Context) error {
						is, err := contrib.Get("session", c)
						if err != nil {
							return err
						}
						is.Options = &sessions.Options{Path: "/", MaxAge: 86400 * 7, HttpOnly: true}
						f(c, is)
						if err := is.Save(c.Request(), c.Response()); err != nil {
							return err
						}
						return c.String(http.StatusOK, "ok")
					}
				}
				e.GET("/set/:key", change(func(c echo.Context, is *sessions.Session) { is.Values[c.Param("key")] = "bar" }))
				e.GET("/count", change(func(_ echo.Context, is *sessions.Session) {
					n, _ := is.Values["n"].(int)
					is.Values["n"] = n + 1
				}))
				e.GET("/logout", change(func(_ echo.Context, is *sessions.Session) { is.Options.MaxAge = -1 }))
				e.GET("/see", func(c echo.Context) error {
					is, err := contrib.Get("session", c)
					if err != nil {
						return err
					}
					return c.String(http.StatusOK, fmt.Sprint(len(is.Values), is.Values["n"], is.IsNew))
				})

				b := newBrowser(t, e)
				b.wants("/see", "0 <nil> true")
				b.wants("/count", "ok")
				b.together(8, func(n int) string { return fmt.Sprint("/set/", n) })
				b.wants("/see", "9 1 false")
				if len(outer) > 0 {
					b.together(8, func(int) string { return "/count" })
					b.wants("/see", "9 9 false")
				}
				b.wants("/logout", "ok")
				b.wants("/see", "0 <nil> true")
				if all := b.cookies(); len(all) != 0 {
					t.Errorf("after the logout there are %d cookies", len(all))
				}
			})
		}
	})
}
