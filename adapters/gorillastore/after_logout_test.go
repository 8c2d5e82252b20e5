package gorillastore_test

import (
	"errors"
	"maps"
	"net/http"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// A request that comes with the cookie of before a logout, or before a new ID, cannot save anything. It hears
// of that if it wants to.
func TestOldCookie(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]func(s *sessions.Session){
		"after a logout": func(s *sessions.Session) { s.Options.MaxAge = -1 },
		"after a new ID": func(s *sessions.Session) { s.ID = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, session.Options{}).browser()
			b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
			old := maps.Clone(b.cookies)
			b.visit(over)
			b.cookies = old
			for want, change := range map[error]func(s *sessions.Session){
				nil:              func(*sessions.Session) {},
				session.ErrEnded: func(s *sessions.Session) { s.Values["b"] = 2 },
			} {
				r := b.request()
				is := r.get("session-key")
				change(is)
				if err := is.Save(r.r, r.w); !errors.Is(err, want) {
					t.Errorf("Save returns %v, want %v", err, want)
				}
				if set := r.end(); len(set) != 0 {
					t.Errorf("it sets %d cookies", len(set))
				}
			}
		})
	}
}

// The same behind the middleware.
func TestBehindTheMiddlewareOldCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	var change func(is *sessions.Session)
	var want error
	client := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		change(is)
		if err := is.Save(r, w); !errors.Is(err, want) {
			t.Errorf("Save returns %v, want %v", err, want)
		}
	})
	change = func(is *sessions.Session) { is.Values["a"] = 1 }
	visits(t, client, http.StatusOK)
	old := client.Cookie()
	change = func(is *sessions.Session) { is.Options.MaxAge = -1 }
	visits(t, client, http.StatusOK)
	client.Jar.SetCookies(clientURL, []*http.Cookie{old})
	change, want = func(is *sessions.Session) { is.Values["a"] = 2 }, session.ErrEnded
	visits(t, client, http.StatusOK)
	client.Jar.SetCookies(clientURL, []*http.Cookie{old})
	change, want = func(*sessions.Session) {}, nil
	visits(t, client, http.StatusOK)
}
