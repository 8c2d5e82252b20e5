package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// visitor is a client with a cookie. Visit is one of its requests.
type visitor struct {
	t  *testing.T
	m  *session.Manager
	id string
}

// visit returns the cookie that the response sets, nil if it sets none.
func (v *visitor) visit(access session.Access, f func(s *session.Session)) *http.Cookie {
	v.t.Helper()
	request := http.Header{"Cookie": {"session=" + v.id}}
	s, err := v.m.Adapter().Begin(v.t.Context(), session.Request{Headers: request}, access)
	if err != nil {
		v.t.Fatal(err)
	}
	defer s.Rollback(v.t.Context())
	f(s)
	if err := s.Finish(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	response := http.Header{}
	s.SetHeaders(request, response, true)
	set := (&http.Response{Header: response}).Cookies()
	if len(set) == 0 {
		return nil
	}
	if v.id = set[0].Value; set[0].MaxAge < 0 {
		v.id = ""
	}
	return set[0]
}

// looks is a request that changes nothing.
func looks(*session.Session) {}

// A session that is remembered outlives its browser: its timeout and the age of its cookie are its own.
func TestRemember(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const month = 30 * 24 * time.Hour
		m := r.Manager(session.Options{})
		v := visitor{t: t, m: m}
		age := func(what string, c *http.Cookie, want time.Duration) {
			t.Helper()
			if c == nil || c.MaxAge != int(want/time.Second) {
				t.Errorf("%s: the cookie is %v, want an age of %v", what, c, want)
			}
		}
		age("sign-in", v.visit(session.Exclusive, func(s *session.Session) {
			s.SetPrincipal("ann")
			s.Remember(month)
		}), month)
		time.Sleep(2 * 24 * time.Hour)
		if c := v.visit(session.Exclusive, looks); c != nil {
			t.Errorf("it is sent again after two days: %v", c)
		}
		time.Sleep(24 * time.Hour)
		age("a tenth of it has passed", v.visit(session.ReadOnly, looks), month)
		age("rotation", v.visit(session.Exclusive, (*session.Session).Rotate), month)
		time.Sleep(29 * 24 * time.Hour)
		if s := begin(t, m, v.id, session.Peek); s.Principal() != "ann" || s.TimeLeft() != 24*time.Hour {
			t.Errorf("after a month without its last day there is %q for %v", s.Principal(), s.TimeLeft())
		}
		age("taken back", v.visit(session.Shared, func(s *session.Session) { s.Remember(0) }), 0)
		if left := begin(t, m, v.id, session.Peek).TimeLeft(); left != 20*time.Minute {
			t.Errorf("then it lives for %v", left)
		}
		if c := v.visit(session.Exclusive, looks); c != nil {
			t.Errorf("a cookie without an age is sent again: %v", c)
		}
		age("an existing session", v.visit(session.Shared, func(s *session.Session) { s.Remember(month) }), month)
		age("sign-out", v.visit(session.Exclusive, func(s *session.Session) { s.SetPrincipal("") }), 0)
		if left := begin(t, m, v.id, session.Peek).TimeLeft(); left != 20*time.Minute {
			t.Errorf("after a sign-out it lives for %v", left)
		}
		other := visitor{t: t, m: m}
		age("another visitor", other.visit(session.Exclusive, func(s *session.Session) { s.Set("n", 1) }), 0)
	})
}

// Of Remember and SetTimeout the later counts, MaxLifetime bounds both, and a job may call it.
func TestRememberAndTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxLifetime: 10 * time.Hour, Cookie: session.Cookie{MaxAge: time.Hour}})
		v := visitor{t: t, m: m}
		c := v.visit(session.Exclusive, func(s *session.Session) {
			s.SetTimeout(time.Minute)
			s.Remember(24 * time.Hour)
			s.Set("n", 1)
		})
		if left := begin(t, m, v.id, session.Peek).TimeLeft(); c.MaxAge != 36000 || left != 10*time.Hour {
			t.Errorf("the cookie lives for %d s, the session for %v", c.MaxAge, left)
		}
		time.Sleep(4 * time.Hour)
		if c := v.visit(session.Exclusive, looks); c == nil || c.MaxAge != 6*3600 {
			t.Errorf("after four hours the cookie is %v", c)
		}
		v.visit(session.Exclusive, func(s *session.Session) { s.SetTimeout(time.Minute) })
		if left := begin(t, m, v.id, session.Peek).TimeLeft(); left != time.Minute {
			t.Errorf("with a later SetTimeout it lives for %v", left)
		}
		job := func(d time.Duration) {
			t.Helper()
			if err := m.DoHandle(t.Context(), handleOf(v.id), session.Shared, func(s *session.Session) error {
				s.Remember(d)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		job(0)
		time.Sleep(6 * time.Minute)
		if c := v.visit(session.Exclusive, looks); c == nil || c.MaxAge != 3600 {
			t.Errorf("taken back, the cookie is %v", c)
		}
		s := begin(t, m, v.id, session.Exclusive)
		s.Remember(time.Millisecond)
		if err := s.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "at least 1s") {
			t.Errorf("a millisecond: %v", err)
		}
		s.Rollback(t.Context())
	})
}
