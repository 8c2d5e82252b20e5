package gorillastore_test

import (
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// A logout after a Save ends the sessions of all cookies of the name, as one without a Save does.
func TestLogoutAfterASave(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	b, c := s.browser(), s.browser()
	b.visit(func(s *sessions.Session) { s.Values["user"] = "ann" })
	c.visit(func(s *sessions.Session) { s.Values["user"] = "ann" })
	r := b.request()
	r.r.Header.Add("Cookie", name+"="+c.cookies[name])
	is := r.get(name)
	is.Values["seen"] = 1
	r.save(is)
	is.Options.MaxAge = -1
	r.save(is)
	r.end()
	if got := c.see(name)["user"]; got != nil {
		t.Errorf("the session of the other cookie is still that of %v", got)
	}
}
