package stores_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/gincontribstore"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/session"
)

// An application that is written for gin-contrib/sessions needs one changed line: that of its store. Behind
// berth's own middleware it loses no count.
func TestGinContrib(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		for name, behind := range map[string]bool{"alone": false, "behind the middleware": true} {
			t.Run(name, func(t *testing.T) {
				m := newManager(t, addr, session.Options{})
				store, err := gincontribstore.New(m) // the changed line
				if err != nil {
					t.Fatal(err)
				}
				engine := gin.New()
				if behind {
					engine.Use(ginsession.Middleware(m))
				}
				engine.Use(sessions.Sessions("session", store))
				change := func(f func(c *gin.Context, is sessions.Session)) gin.HandlerFunc {
					return func(c *gin.Context) {
						is := sessions.Default(c)
						f(c, is)
						if err := is.Save(); err != nil {
							c.String(http.StatusInternalServerError, err.Error())
							return
						}
						c.String(http.StatusOK, "ok")
					}
				}
				engine.GET("/set/:key", change(func(c *gin.Context, is sessions.Session) { is.Set(c.Param("key"), "bar") }))
				engine.GET("/count", change(func(_ *gin.Context, is sessions.Session) {
					n, _ := is.Get("n").(int)
					is.Set("n", n+1)
				}))
				engine.GET("/logout", change(func(_ *gin.Context, is sessions.Session) {
					is.Clear()
					is.Options(sessions.Options{MaxAge: -1})
				}))
				engine.GET("/see", func(c *gin.Context) { c.String(http.StatusOK, fmt.Sprint(sessions.Default(c).Get("n"))) })

				b := newBrowser(t, engine)
				b.wants("/see", "<nil>")
				b.wants("/count", "ok")
				b.together(8, func(n int) string { return fmt.Sprint("/set/", n) })
				b.wants("/see", "1")
				if behind {
					b.together(8, func(int) string { return "/count" })
					b.wants("/see", "9")
				}
				b.wants("/logout", "ok")
				b.wants("/see", "<nil>")
				if all := b.cookies(); len(all) != 0 {
					t.Errorf("after the logout there are %d cookies", len(all))
				}
			})
		}
	})
}
