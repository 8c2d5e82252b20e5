// Package berthgin is the login application with berth, under Gin.
package berthgin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/conformance/bench/login"
	"github.com/berthgo/berth/core/session"
)

const (
	visits session.Key[int]    = "visits"
	flash  session.Key[string] = "flash"
)

// New returns the application. Its sessions are in the Redis of client, and its Manager lives as
// long as the process.
func New(client *redis.Client) (http.Handler, error) {
	m, err := session.New(client, session.Options{App: "login"})
	if err != nil {
		return nil, err
	}
	router := gin.New()
	router.Use(ginsession.Middleware(m))
	router.GET("/", home)
	router.POST("/login", signIn)
	router.POST("/logout", signOut)
	return router, nil
}

func home(c *gin.Context) {
	s := ginsession.From(c)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	c.String(http.StatusOK, "user %q, visit %d, [%s]\n", s.Principal(), n, flash.Pop(s))
}

func signIn(c *gin.Context) {
	s, user := ginsession.From(c), c.PostForm("user")
	if !login.Check(user, c.PostForm("password")) {
		flash.Set(s, "Wrong user or password.")
		c.Redirect(http.StatusSeeOther, "/")
		return
	}
	s.SetPrincipal(user)
	if c.PostForm("remember") != "" {
		s.Remember(login.Remembered)
	}
	flash.Set(s, "Welcome.")
	c.Redirect(http.StatusSeeOther, "/")
}

func signOut(c *gin.Context) {
	ginsession.From(c).Abandon()
	c.Redirect(http.StatusSeeOther, "/")
}
