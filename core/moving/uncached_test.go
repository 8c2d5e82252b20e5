package moving_test

import (
	"net/http"
	"testing"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// moves is an application that moves from an old library, with any handler.
func moves(t *testing.T, old moving.Old, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{T: t, Sessions: sessiontest.New(t, session.Options{})}
	move, err := moving.Middleware(s.Manager, old)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = move(httpsession.Middleware(s.Manager)(handler))
	return s
}

// The response that sets the new cookie is kept by no cache, not by one of a CDN either, and not if the
// handler writes nothing.
func TestNoCacheKeepsTheNewCookie(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]bool{"with a body": true, "without a body": false} {
		s := moves(t, new(shelf), func(w http.ResponseWriter, _ *http.Request) {
			for _, header := range []string{"Cache-Control", "CDN-Cache-Control", "Surrogate-Control", "Expires"} {
				w.Header().Set(header, "public, max-age=600")
			}
			if write {
				_, _ = w.Write([]byte("hello"))
			}
		})
		got := s.ask(t.Context(), "old=ann").Result()
		_ = got.Body.Close()
		if len(got.Header["Set-Cookie"]) != 2 {
			t.Fatalf("%s: the cookies are not set", name)
		}
		for _, header := range []string{"CDN-Cache-Control", "Surrogate-Control", "Expires"} {
			if v := got.Header.Get(header); v != "" {
				t.Errorf("%s: %s is %q", name, header, v)
			}
		}
		if v := got.Header.Get("Cache-Control"); v != "no-store" {
			t.Errorf("%s: Cache-Control is %q", name, v)
		}
	}
}
