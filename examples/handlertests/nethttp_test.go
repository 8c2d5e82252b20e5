package handlertests

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const visits session.Key[int] = "visits"

func countHTTP(w http.ResponseWriter, r *http.Request) {
	s := httpsession.From(r)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	fmt.Fprintf(w, "visit %d", n)
}

func TestNetHTTP(t *testing.T) {
	t.Parallel()
	sessions := sessiontest.New(t, session.Options{})
	handler := httpsession.Middleware(sessions.Manager)(http.HandlerFunc(countHTTP))

	client := sessions.Client(handler, sessions.SignIn("ann", sessiontest.Values{"visits": 7}))
	response, err := client.Get("/")
	wantBody(t, response, err, "visit 8")

	if got := visits.GetOr(sessions.Session(client.Cookie()), 0); got != 8 {
		t.Errorf("the session has %d visits, want 8", got)
	}
}
