package gincontrib

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
)

func home(c *gin.Context) {
	s := sessions.Default(c)
	n, _ := s.Get("visits").(int)
	s.Set("visits", n+1)
	user, _ := s.Get("user").(string)
	flashes := s.Flashes()
	if err := s.Save(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.String(http.StatusOK, "user %q, visit %d, %v", user, n+1, flashes)
}

func signIn(c *gin.Context) {
	s := sessions.Default(c)
	s.Set("user", c.PostForm("user"))
	s.AddFlash("Welcome.")
	saveAndGoHome(c, s)
}

func signOut(c *gin.Context) {
	s := sessions.Default(c)
	s.Options(sessions.Options{Path: "/", MaxAge: -1})
	saveAndGoHome(c, s)
}

func saveAndGoHome(c *gin.Context, s sessions.Session) {
	if err := s.Save(); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
