package handlertests

import (
	"io"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// Gin's Stream asks its writer for CloseNotify. The one of sessions.Client has none.
func TestGinStreamByClient(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	engine := gin.New()
	engine.Use(ginsession.Middleware(sessions.Manager))
	engine.GET("/events", func(c *gin.Context) {
		c.Stream(func(w io.Writer) bool { _, _ = io.WriteString(w, "data: 1\n\n"); return false })
	})
	client := sessions.Client(engine, sessions.SignIn("ann", nil))
	response, err := client.Get("/events")
	wantBody(t, response, err, "data: 1\n\n")
}
