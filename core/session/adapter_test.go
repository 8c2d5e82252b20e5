package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestCookieName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for want, o := range map[string]session.Options{
		"session":     {},
		"sid":         {Cookie: session.Cookie{Name: "sid"}},
		"__Host-sid":  {Cookie: session.Cookie{Name: "sid", HostPrefix: true}},
		"":            {Header: "X-Session", Cookie: session.Cookie{Name: "sid"}},
		"__Secure-id": {Cookie: session.Cookie{Name: "__Secure-id", Secure: session.SecureAlways}},
	} {
		if got := r.Manager(o).Adapter().CookieName(); got != want {
			t.Errorf("the cookie is named %q, want %q", got, want)
		}
	}
}

// SessionOf is for the session of this Manager, whichever is nearer.
func TestSessionOf(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	outer, inner, other := r.Manager(session.Options{}), r.Manager(session.Options{}), r.Manager(session.Options{})
	of, in := begin(t, outer, "", session.Shared), begin(t, inner, "", session.Shared)
	ctx := session.NewContext(session.NewContext(t.Context(), of), in)
	if outer.Adapter().SessionOf(ctx) != of || inner.Adapter().SessionOf(ctx) != in || other.Adapter().SessionOf(ctx) != nil || outer.Adapter().SessionOf(t.Context()) != nil {
		t.Error("it is the session of another manager")
	}
}

// What Remember has set is known to this request and to later ones, and to operators, until it is taken back.
func TestRemembered(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := visitor{t: t, m: r.Manager(session.Options{})}
		want := func(want time.Duration) func(s *session.Session) {
			return func(s *session.Session) {
				t.Helper()
				if got := s.Remembered(); got != want {
					t.Errorf("it is remembered for %v, want %v", got, want)
				}
			}
		}
		v.visit(session.Exclusive, func(s *session.Session) {
			want(0)(s)
			s.Set("k", 1)
			s.Remember(time.Hour + time.Millisecond)
			want(time.Hour)(s)
		})
		v.visit(session.Shared, want(time.Hour))
		for info, err := range v.m.Sessions(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			want(time.Hour)(info.Session) // an operator sees it too
		}
		v.visit(session.Shared, func(s *session.Session) { s.Remember(0) })
		v.visit(session.ReadOnly, want(0))
	})
}

// TakenOver is for new sessions alone: any other knows when its principal signed in.
func TestTakenOver(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := visitor{t: t, m: r.Manager(session.Options{})}
		v.visit(session.Exclusive, func(s *session.Session) {
			s.SetPrincipal("ann")
			v.m.Adapter().TakenOver(s)
			if !s.AuthenticatedAt().IsZero() || s.RequirePrincipal(0) != nil || !errors.Is(s.RequirePrincipal(time.Minute), session.ErrSignInTooOld) {
				t.Errorf("she signed in at %v", s.AuthenticatedAt())
			}
		})
		s := begin(t, v.m, v.id, session.Exclusive)
		defer s.Rollback(t.Context())
		v.m.Adapter().TakenOver(s)
		if err := s.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "not new") {
			t.Errorf("the error is %v", err)
		}
	})
}

// No cache keeps a response with the session cookie, also if another middleware has set it.
func TestCookieOfAnotherMiddleware(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for line, want := range map[string]string{
		"session=x.y; Path=/": "no-store", "session2=x": "public", "theme=session=": "public",
	} {
		s := begin(t, r.Manager(session.Options{}), "", session.Exclusive)
		if err := s.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		response := http.Header{"Set-Cookie": {line}, "Cache-Control": {"public"}}
		s.SetHeaders(http.Header{}, response, true)
		if got := response.Get("Cache-Control"); got != want {
			t.Errorf("with the cookie %s, Cache-Control is %s", line, got)
		}
	}
}
