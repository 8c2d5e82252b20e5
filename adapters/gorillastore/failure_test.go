package gorillastore_test

import (
	"errors"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// wantFailure checks an error of Redis.
func wantFailure(t *testing.T, what string, err error) {
	t.Helper()
	if failed := (*session.OpError)(nil); !errors.As(err, &failed) {
		t.Errorf("%s: the error is %v", what, err)
	}
}

// If Redis is gone, Get and Save are errors. Nothing empty is put in the session's place, even if the
// handler looks away and Redis is back.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.Values["cart"] = "tea" })

	restore := b.FailRedis()
	r := b.request()
	is, err := r.store.Get(r.r, name)
	wantFailure(t, "Get", err)
	if is == nil || len(is.Values) != 0 || !is.IsNew {
		t.Fatalf("the session is %v", is)
	}
	is.Values["cart"] = "milk"
	wantFailure(t, "Save", is.Save(r.r, r.w))
	restore()
	wantFailure(t, "Save after that", is.Save(r.r, r.w))
	if set := r.end(); len(set) != 0 {
		t.Errorf("the cookies are %v", set)
	}
	if got := b.see(name)["cart"]; got != "tea" {
		t.Errorf("the session has %v", got)
	}
}

// If Redis is gone at Save, that is an error, and a Save after that writes the same.
func TestRedisGoneAtSave(t *testing.T) {
	t.Parallel()
	for what, old := range map[string]bool{"a session": true, "a new session": false} {
		b := newSite(t, session.Options{}).browser()
		if old {
			b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
		}
		r := b.request()
		is := r.get(name)
		is.Values["a"] = 2
		restore := b.FailRedis()
		wantFailure(t, what, is.Save(r.r, r.w))
		if set := r.end(); len(set) != 0 {
			t.Errorf("%s: the cookies are %v", what, set)
		}
		restore()
		r.save(is)
		r.end()
		if got := b.see(name)["a"]; got != 2 {
			t.Errorf("%s has %v", what, got)
		}
	}
}

// A logout is only a success if the session is gone.
func TestRedisGoneAtLogout(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	restore := b.FailRedis()
	r := b.request()
	is, _ := r.store.Get(r.r, name)
	is.Options.MaxAge = -1
	wantFailure(t, "the logout", is.Save(r.r, r.w))
	if len(r.end()) != 0 || b.cookies[name] == "" {
		t.Error("the cookie is deleted, and the session is there")
	}
	restore()
	r.save(is)
	r.end()
	if b.cookies[name] != "" {
		t.Error("the cookie is still there")
	}
}

// With FailSilently a request goes on with an empty session that is never saved. A logout fails all the
// same.
func TestFailSilently(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{FailSilently: true}).browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	restore := b.FailRedis()
	r := b.request()
	is := r.get(name)
	is.Values["a"] = 2
	r.save(is)
	if set := r.end(); len(set) != 0 || len(is.Values) != 1 || is.ID != "" {
		t.Errorf("the cookies are %v", set)
	}
	is.Options.MaxAge = -1
	wantFailure(t, "the logout", is.Save(r.r, r.w))
	restore()
	if got := b.see(name)["a"]; got != 1 {
		t.Errorf("the session has %v", got)
	}
}
