// Package gincontrib is an application that moves from gin-contrib/sessions with its Redis store to berth. Its
// handlers stay.
package gincontrib

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
)

// Before returns the application with the Redis store of gin-contrib. The key signs the cookies.
func Before(addr string, key []byte) (http.Handler, error) {
	store, err := redis.NewStore(10, "tcp", addr, "", "", key)
	if err != nil {
		return nil, err
	}
	router := gin.New()
	router.Use(sessions.Sessions("session", store))
	router.GET("/", home)
	router.POST("/login", signIn)
	router.POST("/logout", signOut)
	return router, nil
}
