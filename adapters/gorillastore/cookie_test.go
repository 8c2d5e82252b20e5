package gorillastore_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// The cookie is what Options of the session say, then what those of the store say, then what those of
// the Manager say. It is always HttpOnly.
func TestCookie(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		manager session.Cookie
		store   *sessions.Options
		session *sessions.Options
		https   bool
	}{
		"; Path=/; HttpOnly; SameSite=Lax":         {},
		"; Path=/; HttpOnly; Secure; SameSite=Lax": {https: true},
		"; Path=/foo; Domain=example.com; HttpOnly; Secure; SameSite=Strict": {
			store: &sessions.Options{Path: "/foo", Domain: "example.com", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode},
		},
		"; Path=/bar; HttpOnly; SameSite=Lax":                      {store: &sessions.Options{Path: "/foo"}, session: &sessions.Options{Path: "/bar"}},
		"; SameSite=None; Path=/; HttpOnly; Secure":                {session: &sessions.Options{SameSite: http.SameSiteNoneMode}},
		"; Partitioned; Path=/; HttpOnly; Secure; SameSite=Lax":    {session: &sessions.Options{Partitioned: true}},
		"; Path=/x; Domain=a.org; HttpOnly; Secure; SameSite=None": {manager: session.Cookie{Path: "/x", Domain: "a.org", SameSite: session.SameSiteNone}, session: &sessions.Options{}},
		"; Path=/; Domain=b.org; HttpOnly; SameSite=Lax":           {manager: session.Cookie{Domain: "a.org"}, session: &sessions.Options{Path: "/", Domain: "b.org"}},
		"Max-Age=3600; HttpOnly; SameSite=Lax":                     {manager: session.Cookie{MaxAge: time.Hour}},
		"; Path=/; HttpOnly; Secure; SameSite=Lax; Partitioned":    {manager: session.Cookie{Partitioned: true}},
	} {
		s := newSite(t, session.Options{Cookie: c.manager})
		if c.store != nil {
			s.store.Options = c.store
		}
		r := s.browser().request()
		if c.https {
			r.r.TLS = &tls.ConnectionState{}
		}
		is := r.get(name)
		if c.session != nil {
			is.Options = c.session
		}
		is.Values["k"] = 1
		r.save(is)
		set := r.end()
		if len(set) != 1 || !strings.HasSuffix(set[0], want) || !strings.HasPrefix(set[0], name+"=") {
			t.Errorf("the cookies are %v, want %s", set, want)
		}
		if got := r.w.Header(); got.Get("Cache-Control") != "no-store" || got.Get("Vary") != "Cookie" {
			t.Errorf("the headers are %v", got)
		}
		if is := r.request().get(name); is.IsNew {
			t.Error("the cookie opens nothing")
		}
	}
}

// A new session without values sets no cookie, and costs no call to Redis.
func TestEmptySessionIsNotSaved(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	s.FailRedis()
	if set := s.browser().visit(func(s *sessions.Session) { s.Options.MaxAge = 60 }); len(set) != 0 {
		t.Errorf("the cookies are %v", set)
	}
}

// Each name is a session and a cookie of its own.
func TestSeveralNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	b := s.browser()
	r := b.request()
	r.get("a").Values["k"], r.get("b").Values["k"], r.get("session").Values["k"] = 1, 2, 3
	if err := sessions.Save(r.r, r.w); err != nil {
		t.Fatal(err)
	}
	if set := r.end(); len(set) != 3 {
		t.Fatalf("the cookies are %v", set)
	}
	for of, want := range map[string]int{"a": 1, "b": 2, "session": 3} {
		if got := b.see(of); len(got) != 1 || got["k"] != want {
			t.Errorf("%s has %v", of, got)
		}
	}
	r = b.request()
	is := r.get("a")
	is.Options.MaxAge = -1
	r.save(is)
	r.end()
	if len(b.see("a")) != 0 || len(b.see("b")) != 1 || b.cookies["a"] != "" {
		t.Error("the end of one is not the end of that one alone")
	}
	// No session is that of another name, whatever cookie a client sends.
	swapped := s.browser()
	swapped.cookies["a"], swapped.cookies["c"] = b.cookies["b"], b.cookies["session"]
	if a, c := swapped.see("a"), swapped.see("c"); len(a) != 0 || len(c) != 0 {
		t.Errorf("a swapped cookie gives %v and %v", a, c)
	}
}

// Of several cookies of one name, as after a change of the Path, the first live one counts, and a logout
// ends the sessions of all.
func TestSeveralCookiesOfOneName(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	gone, live, other := s.browser(), s.browser(), s.browser()
	for n, b := range []*browser{gone, live, other} {
		b.visit(func(s *sessions.Session) { s.Values["n"] = n })
	}
	s.Expire(&http.Cookie{Name: name, Value: gone.cookies[name]})
	r := s.browser().request()
	for _, b := range []*browser{gone, live, other} {
		r.r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
	}
	is := r.get(name)
	if is.Values["n"] != 1 {
		t.Errorf("it is the session %v", is.Values["n"])
	}
	is.Options.MaxAge = -1
	r.save(is)
	if len(live.see(name)) != 0 || len(other.see(name)) != 0 {
		t.Error("a session is still there after the logout")
	}
}

// A cookie that another store has made is no session, and is replaced.
func TestForeignCookie(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.cookies[name] = "MTY5OTk5OTk5OXxEdi1CQkFFQ180SUFBUkFCRUFBQQ=="
	b.visit(func(s *sessions.Session) {
		if !s.IsNew || s.ID != "" {
			t.Error("the session is not new")
		}
		s.Values["k"] = 1
	})
	if b.see(name)["k"] != 1 {
		t.Error("the new session is not saved")
	}
}
