package moving_test

import (
	"net/http"
	"testing"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// Under FailSilently, too, a visitor whose session cannot be saved keeps the old cookie, and moves later.
func TestFailSilentlyKeepsTheOldCookie(t *testing.T) {
	t.Parallel()
	s := &site{T: t, Sessions: sessiontest.New(t, session.Options{FailSilently: true}), old: new(shelf)}
	move, err := moving.Middleware(s.Manager, s.old)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = move(httpsession.Middleware(s.Manager)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(session.GetOr(httpsession.From(r), "user", "nobody")))
	})))
	var restore func()
	s.old.loading = func() { restore = s.FailRedis() }
	w := s.ask(t.Context(), "old=ann")
	restore()
	if w.Code != http.StatusServiceUnavailable || len(w.Header()["Set-Cookie"]) != 0 {
		t.Errorf("the answer is %d with the cookies %v", w.Code, w.Header()["Set-Cookie"])
	}
}
