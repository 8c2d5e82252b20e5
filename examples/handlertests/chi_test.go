package handlertests

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func logoutChi(_ http.ResponseWriter, r *http.Request) {
	chisession.From(r).Abandon()
}

func TestChi(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	router := chi.NewRouter()
	router.Use(chisession.Middleware(sessions.Manager))
	router.Post("/logout", logoutChi)

	cookie := sessions.SignIn("ann", nil)
	client := sessions.Client(router, cookie)
	response, err := client.Post("/logout", "", nil)
	wantBody(t, response, err, "")

	if client.Cookie() != nil {
		t.Error("the browser still has its cookie")
	}
	if _, err := sessions.Lookup(cookie); err == nil {
		t.Error("the session is still there")
	}
}
