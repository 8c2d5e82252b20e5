package handlertests

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func loginGin(c *gin.Context) {
	ginsession.From(c).SetPrincipal(c.PostForm("user"))
	c.Status(http.StatusNoContent)
}

func TestGin(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	engine := gin.New()
	engine.Use(ginsession.Middleware(sessions.Manager))
	engine.POST("/login", loginGin)

	// Without a client: requests and responses of net/http/httptest.
	request := httptest.NewRequest("POST", "/login", strings.NewReader("user=ann"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)

	response := recorder.Result()
	defer response.Body.Close()
	cookie := sessions.Cookie(response)
	if got := sessions.Session(cookie).Principal(); got != "ann" {
		t.Errorf("the session belongs to %q, want ann", got)
	}
}
