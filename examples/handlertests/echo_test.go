package handlertests

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func accountEcho(c echo.Context) error {
	user := echosession.From(c).Principal()
	if user == "" {
		return c.Redirect(http.StatusSeeOther, "/login")
	}
	return c.String(http.StatusOK, "account of "+user)
}

func TestEcho(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	e := echo.New()
	e.Use(echosession.Middleware(sessions.Manager))
	e.GET("/account", accountEcho)
	e.GET("/login", func(c echo.Context) error { return c.String(http.StatusOK, "please sign in") })

	cookie := sessions.SignIn("ann", nil)
	client := sessions.Client(e, cookie)
	response, err := client.Get("/account")
	wantBody(t, response, err, "account of ann")

	sessions.Expire(cookie) // her idle time passes
	response, err = client.Get("/account")
	wantBody(t, response, err, "please sign in")
}
