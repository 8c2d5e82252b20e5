package gincontrib

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	oldredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/gincontribstore"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// After returns the application with berth. Nobody is logged out.
func After(client *redis.Client, addr string, key []byte) (http.Handler, error) {
	m, err := session.New(client, session.Options{App: "shop", Cookie: session.Cookie{Name: "session"}})
	if err != nil {
		return nil, err
	}
	store, err := gincontribstore.New(m)
	if err != nil {
		return nil, err
	}
	store.Options(sessions.Options{Path: "/", MaxAge: 30 * 86400}) // 30 days, as before
	router := gin.New()
	router.Use(ginsession.Middleware(m), sessions.Sessions("session", store))
	router.GET("/", home)
	router.POST("/login", rotate, signIn)
	router.POST("/logout", signOut)

	old, err := oldredis.NewStore(10, "tcp", addr, "", "", key) // as before
	if err != nil {
		return nil, err
	}
	move, err := moving.Middleware(m, gorillastore.Old(old, "session"))
	if err != nil {
		return nil, err
	}
	return move(router), nil // serve this with http.ListenAndServe, and not router.Run
}

// rotate gives the browser a new cookie at a sign-in. gin-contrib has no call for that.
func rotate(c *gin.Context) { ginsession.From(c).Rotate() }
