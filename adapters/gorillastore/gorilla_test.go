package gorillastore_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/session"
)

// These are the cases of gorilla/sessions itself, for a store that is given.

// GH 8: options of the store that are changed later do not change those of a session.
func TestOptionsAreACopy(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	made, err := s.store.New(httptest.NewRequest(http.MethodGet, "/", nil), "hello")
	if err != nil {
		t.Fatal(err)
	}
	s.store.Options.Path = "/foo"
	if made.Options.Path != "/" {
		t.Errorf("the Path is %q", made.Options.Path)
	}
	if s.store.MaxAge(60); s.store.Options.MaxAge != 60 {
		t.Errorf("the MaxAge is %d", s.store.Options.MaxAge)
	}
}

func TestFlashes(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	b := s.browser()

	r := b.request()
	is := r.get(name)
	if flashes := is.Flashes(); len(flashes) != 0 {
		t.Errorf("a new session has the flashes %v", flashes)
	}
	is.AddFlash("foo")
	is.AddFlash("bar")
	is.AddFlash("baz", "custom_key")
	if err := sessions.Save(r.r, r.w); err != nil {
		t.Fatal(err)
	}
	if set := r.end(); len(set) != 1 || !strings.HasPrefix(set[0], name+"=") {
		t.Fatalf("the cookies are %v", set)
	}
	if _, err := s.store.Get(r.r, "session:key"); err == nil || err.Error() != "sessions: invalid character in cookie name: session:key" {
		t.Errorf("a name that cannot be a cookie: %v", err)
	}

	is = b.request().get(name)
	if got := is.Flashes(); len(got) != 2 || got[0] != "foo" || got[1] != "bar" {
		t.Errorf("the flashes are %v", got)
	}
	if got := is.Flashes(); len(got) != 0 {
		t.Errorf("the flashes are still there: %v", got)
	}
	if got := is.Flashes("custom_key"); len(got) != 1 || got[0] != "baz" {
		t.Errorf("the flashes of the key are %v", got)
	}
	if got := is.Flashes("custom_key"); len(got) != 0 {
		t.Errorf("the flashes of the key are still there: %v", got)
	}

	// Once saved, they are gone for the next request, too.
	b.visit(func(s *sessions.Session) { s.Flashes() })
	if got := b.request().get(name).Flashes(); len(got) != 0 {
		t.Errorf("the flashes are there again: %v", got)
	}
}

// A type of the application comes back as itself, and not as the pointer that was added.
func TestFlashesOfACustomType(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.AddFlash(&flashMessage{42, "foo"}) })
	flashes := b.request().get(name).Flashes()
	if len(flashes) != 1 || flashes[0] != (flashMessage{42, "foo"}) {
		t.Errorf("the flashes are %#v", flashes)
	}
}

// A shallow copy of a request has the same session.
func TestCopyOfTheRequest(t *testing.T) {
	t.Parallel()
	r := newSite(t, session.Options{}).browser().request()
	r.get(name).Values["test"] = "test-value"
	r.r = r.r.WithContext(r.r.Context())
	is := r.get(name)
	if is.Values["test"] != "test-value" {
		t.Errorf("the value is %v", is.Values["test"])
	}
	r.save(is)
	r.end()
	if got := r.see(name)["test"]; got != "test-value" {
		t.Errorf("the saved value is %v", got)
	}
}

// A session that somebody made by hand can be saved, with Options or without.
func TestSessionMadeByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	for _, options := range []*sessions.Options{{Path: "/"}, nil} {
		b := s.browser()
		r := b.request()
		made := sessions.NewSession(s.store, name)
		made.Options = options
		made.Values["data"] = "hello-world"
		r.save(made)
		r.end()
		if got := b.see(name)["data"]; got != "hello-world" {
			t.Errorf("the value is %v", got)
		}
	}
}

// GH 2: a session may be too large. Nothing of it is saved then, and a smaller one can be.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	r := newSite(t, session.Options{MaxBytes: 4096}).browser().request()
	is := r.get(name)
	is.Values["big"] = make([]byte, 4096)
	if err := is.Save(r.r, r.w); !errors.Is(err, session.ErrTooLarge) {
		t.Fatalf("the error is %v", err)
	}
	if len(r.end()) != 0 {
		t.Error("a cookie is set")
	}
	is.Values["big"] = make([]byte, 512)
	r.save(is)
	r.end()
	if got, _ := r.see(name)["big"].([]byte); len(got) != 512 {
		t.Errorf("the value has %d bytes", len(got))
	}
}

// A MaxAge less than 0 deletes the session, saved or not, and as often as one likes.
func TestDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	b := s.browser()
	b.visit(func(s *sessions.Session) { s.Values["k"] = 1 })
	old := *b
	old.cookies = map[string]string{name: b.cookies[name]}
	r := b.request()
	is := r.get(name)
	is.Options.MaxAge = -1
	r.save(is)
	r.save(is)
	if set := r.end(); len(set) != 1 || !strings.Contains(set[0], "Max-Age=0") || !strings.Contains(set[0], "Path=/") {
		t.Errorf("the cookies are %v", set)
	}
	if is.ID != "" {
		t.Error("the session still has its ID")
	}
	if got := old.see(name); len(got) != 0 {
		t.Errorf("the old cookie gives %v", got)
	}
	// What is saved after that is another session.
	is.Options.MaxAge, is.Values = 0, map[any]any{"after": "bye"}
	r.save(is)
	r.end()
	if got := b.see(name); len(got) != 1 || got["after"] != "bye" {
		t.Errorf("the new session has %v", got)
	}

	fresh := s.browser().request()
	is = fresh.get(name)
	is.Options.MaxAge = -1
	fresh.save(is)
	if set := fresh.end(); len(set) != 0 {
		t.Errorf("a session that never was deletes %v", set)
	}
}

// A name that no cookie can have is an error before Redis is asked.
func TestNameOfNoCookie(t *testing.T) {
	t.Parallel()
	r := newSite(t, session.Options{}).browser().request()
	is, err := r.store.New(r.r, "my session")
	if err != nil {
		t.Fatal(err)
	}
	is.Values["k"] = 1
	if err := is.Save(r.r, r.w); err == nil || !strings.Contains(err.Error(), `"my session"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := gorillastore.New(nil); err == nil {
		t.Error("it takes no Manager")
	}
	byHeader := newManager(t, session.Options{Header: "X-Session"})
	if _, err := gorillastore.New(byHeader); err == nil || !strings.Contains(err.Error(), "without Header") {
		t.Errorf("with a header: %v", err)
	}
}
