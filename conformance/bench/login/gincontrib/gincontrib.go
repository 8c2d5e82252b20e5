// Package gincontrib is the login application with gin-contrib/sessions and its Redis store,
// under Gin.
package gincontrib

import (
	"net/http"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/conformance/bench/login"
)

// New returns the application. Its sessions are in the Redis at addr. The key signs the cookies.
// The cookies cannot end with the browser: the store takes a MaxAge of 0 for a sign-out. So they
// end 20 minutes after the last visit.
func New(addr string, key []byte) (http.Handler, error) {
	store, err := redis.NewStore(10, "tcp", addr, "", "", key)
	if err != nil {
		return nil, err
	}
	store.Options(options(20 * time.Minute))
	router := gin.New()
	router.Use(sessions.Sessions("session", store))
	router.GET("/", home)
	router.POST("/login", signIn)
	router.POST("/logout", signOut)
	return router, nil
}

func options(age time.Duration) sessions.Options {
	return sessions.Options{Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// current returns the session of the request. The library does not keep the options of a session
// from one request to the next.
func current(c *gin.Context) sessions.Session {
	s := sessions.Default(c)
	if s.Get("remember") == true {
		s.Options(options(login.Remembered))
	}
	return s
}

func home(c *gin.Context) {
	s := current(c)
	n, _ := s.Get("visits").(int)
	s.Set("visits", n+1)
	user, _ := s.Get("user").(string)
	flashes := s.Flashes()
	if err := s.Save(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.String(http.StatusOK, "user %q, visit %d, %v\n", user, n+1, flashes)
}

// signIn keeps the session's ID: this library has no way to change it.
func signIn(c *gin.Context) {
	s, user := current(c), c.PostForm("user")
	if !login.Check(user, c.PostForm("password")) {
		s.AddFlash("Wrong user or password.")
		saveAndGoHome(c, s)
		return
	}
	s.Set("user", user)
	if c.PostForm("remember") != "" {
		s.Set("remember", true)
		s.Options(options(login.Remembered))
	}
	s.AddFlash("Welcome.")
	saveAndGoHome(c, s)
}

func signOut(c *gin.Context) {
	s := sessions.Default(c)
	s.Options(options(-time.Second))
	saveAndGoHome(c, s)
}

func saveAndGoHome(c *gin.Context, s sessions.Session) {
	if err := s.Save(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
