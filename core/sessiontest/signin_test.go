package sessiontest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	cookie := s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}, "step": 2})
	if cookie.Name != "session" || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("it is not as a browser gets it: %+v", cookie)
	}
	got := s.Session(cookie)
	if n, err := session.Get[int](got, "step"); n != 2 || err != nil {
		t.Errorf("step is %d, %v", n, err)
	}
	if got.Principal() != "ann" || got.Handle() != strings.Split(cookie.Value, ".")[0] || time.Since(got.AuthenticatedAt()) > time.Minute {
		t.Errorf("principal %q, handle %q, signed in at %v", got.Principal(), got.Handle(), got.AuthenticatedAt())
	}
	r := httptest.NewRequest("GET", "/cart", nil)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	shop(s.Manager).ServeHTTP(w, r)
	if w.Body.String() != "ann: tea" {
		t.Errorf("the handler answers %q", w.Body)
	}
}

func TestSignInNobody(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	cookie := s.SignIn("", sessiontest.Values{"cart": []string{"tea"}})
	if got := s.Session(cookie).Principal(); got != "" {
		t.Errorf("the principal is %q", got)
	}
	get(t, s.Client(shop(s.Manager), cookie), "/cart", 200, ": tea")
	wantFatal(t, "without values", func(t sessiontest.TB) {
		sessiontest.New(t, session.Options{}).SignIn("", nil)
	})
	wantFatal(t, "cannot be encoded", func(t sessiontest.TB) {
		sessiontest.New(t, session.Options{}).SignIn("", sessiontest.Values{"f": func() {}})
	})
}

// What a test sets up is no request of the application, but the session is as the application wants it.
func TestSignInCallsOnStartAlone(t *testing.T) {
	t.Parallel()
	var called []string
	s := sessiontest.New(t, session.Options{Hooks: session.Hooks{
		OnStart:     func(_ context.Context, s *session.Session) { s.Set("currency", "EUR") },
		OnFieldsSet: func(context.Context, *session.Session, []string) { called = append(called, "OnFieldsSet") },
		OnError:     func(context.Context, error) { called = append(called, "OnError") },
	}})
	cookie := s.SignIn("ann", nil)
	if got := session.GetOr(s.Session(cookie), "currency", ""); got != "EUR" {
		t.Errorf("OnStart was not called: currency is %q", got)
	}
	if len(called) > 0 || s.Manager.Stats() != (session.Stats{}) {
		t.Errorf("the application was told: %v, %+v", called, s.Manager.Stats())
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	client := func(cookie *http.Cookie) *sessiontest.Client { return s.Client(shop(s.Manager), cookie) }
	for name, c := range map[string]struct {
		do   func(cookie *http.Cookie)
		want error
	}{
		"live":      {func(*http.Cookie) {}, nil},
		"held":      {func(c *http.Cookie) { s.HoldElsewhere(c) }, nil},
		"expired":   {s.Expire, session.ErrUnknown},
		"abandoned": {func(c *http.Cookie) { post(t, client(c), "/logout", nil, 200, "") }, session.ErrEnded},
		"rotated": {func(c *http.Cookie) {
			post(t, client(c), "/login", map[string][]string{"user": {"bob"}}, 200, "")
		}, session.ErrEnded},
		"ended": {func(c *http.Cookie) { _ = s.Manager.End(t.Context(), c.Value) }, session.ErrEnded},
	} {
		cookie := s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}})
		c.do(cookie)
		got, err := s.Lookup(cookie)
		if !errors.Is(err, c.want) || (got == nil) != (err != nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, cookie := range []*http.Cookie{nil, {Name: "session"}, {Name: "session", Value: "made up"}} {
		if _, err := s.Lookup(cookie); !errors.Is(err, session.ErrUnknown) {
			t.Errorf("Lookup(%v): %v", cookie, err)
		}
	}
}

func TestSessionMustBeThere(t *testing.T) {
	t.Parallel()
	for text, do := range map[string]func(s *sessiontest.Sessions, cookie *http.Cookie){
		"nil cookie":                   func(s *sessiontest.Sessions, _ *http.Cookie) { s.Session(nil) },
		"there is no session":          func(s *sessiontest.Sessions, c *http.Cookie) { s.Expire(c); s.Session(c) },
		"ended, abandoned or rotated":  func(s *sessiontest.Sessions, c *http.Cookie) { _ = s.Manager.End(t.Context(), c.Value); s.Session(c) },
		"there is no session of the c": func(s *sessiontest.Sessions, c *http.Cookie) { s.Expire(c); s.Expire(c) },
	} {
		wantFatal(t, text, func(t sessiontest.TB) {
			s := sessiontest.New(t, session.Options{})
			do(s, s.SignIn("ann", nil))
		})
	}
}
