package stores_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/gincontribstore"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/moving"
)

// moved returns the middleware that moves sessions from redistore.
func (s *site) moved(old moving.Old) func(http.Handler) http.Handler {
	s.Helper()
	move, err := moving.Middleware(s.m, old)
	if err != nil {
		s.Fatal(err)
	}
	return move
}

// uncacheable checks the response that has moved a session, though the handler wants it to be cached.
func (b *browser) uncacheable(path, want string) {
	b.Helper()
	got := b.get(path)
	if got.body != want || got.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(got.header.Get("Set-Cookie"), "session=") {
		b.Errorf("%s answers %q with %v", path, got.body, got.header)
	}
	b.wants(path, want)
}

// Under Gin, the middleware stands around the engine. The old store is that of gin-contrib/sessions.
func TestMoveFromGinContrib(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s := newSite(t, addr)
		b := newBrowser(t, s)
		engine := func(around ...gin.HandlerFunc) *gin.Engine {
			engine := gin.New()
			engine.Use(around...)
			engine.GET("/login", func(c *gin.Context) {
				is := sessions.Default(c)
				is.Set("user", "ann")
				is.Set("cart", cart{[]string{"tea"}})
				if err := is.Save(); err != nil {
					t.Error(err)
				}
			})
			engine.GET("/", func(c *gin.Context) {
				c.Header("Cache-Control", "public")
				c.String(http.StatusOK, fmt.Sprint(sessions.Default(c).Get("user"), " ", sessions.Default(c).Get("cart")))
			})
			return engine
		}
		old, err := ginredis.NewStoreWithPool(s.pool, []byte("a key that signs the old cookies"))
		if err == nil {
			err = ginredis.SetKeyPrefix(old, s.prefix)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.serve(engine(sessions.Sessions("session", old)))
		b.get("/login")
		if len(s.oldKeys()) != 1 {
			t.Fatal("there is no old session")
		}
		store, err := gincontribstore.New(s.m)
		if err != nil {
			t.Fatal(err)
		}
		s.serve(s.moved(gorillastore.Old(old, "session"))(engine(ginsession.Middleware(s.m), sessions.Sessions("session", store))))
		b.uncacheable("/", "ann {[tea]}")
	})
}

// Under Echo, the middleware is echo.WrapMiddleware, before that of berth. withUser says who the user is.
func TestMoveUnderEcho(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, addr string) {
		s, b, _ := fromRedistore(t, addr)
		e := echo.New()
		e.Use(echo.WrapMiddleware(s.moved(withUser{gorillastore.Old(s.redistores(), "session")})), echosession.Middleware(s.m))
		e.GET("/", func(c echo.Context) error {
			c.Response().Header().Set("Cache-Control", "public")
			return c.String(http.StatusOK, echosession.From(c).Principal())
		})
		s.serve(e)
		b.uncacheable("/", "ann")
	})
}
