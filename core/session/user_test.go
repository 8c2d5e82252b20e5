package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Values that belong to one user are not the next one's.
func TestChangeOfUser(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Hour})
		id := saved(t, m, "cart", 1)
		sign := func(principal string, then func(s *session.Session)) *session.Session {
			t.Helper()
			s := begin(t, m, id, session.Exclusive)
			s.Set("before", 1)
			s.SetPrincipal(principal)
			then(s)
			commit(t, s)
			id = s.ID()
			return view(t, m, id)
		}
		ann := sign("ann", func(s *session.Session) { s.SetTimeout(24 * time.Hour); s.SetCompanion("ann's") })
		if ann.Principal() != "ann" || get[int](t, ann, "cart") != 1 || get[int](t, ann, "before") != 1 {
			t.Error("from none to a user, everything is kept")
		}
		same := sign("ann", func(s *session.Session) {})
		if same.ID() != ann.ID() || get[int](t, same, "cart") != 1 {
			t.Error("the same user again is a change")
		}
		bob := sign("bob", func(s *session.Session) { s.Set("after", 2) })
		if bob.Principal() != "bob" || bob.Len() != 1 || get[int](t, bob, "after") != 2 || bob.Handle() != ann.Handle() {
			t.Errorf("bob has %v", bob.Keys())
		}
		if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl > time.Hour {
			t.Errorf("bob's session lives for %v", ttl)
		}
		if !r.NoCompanion(id) {
			t.Error("bob has ann's companion")
		}
		nobody := sign("", func(s *session.Session) { s.Set("goodbye", 1) })
		if nobody.Principal() != "" || nobody.Len() != 1 || !nobody.AuthenticatedAt().IsZero() {
			t.Errorf("after the sign-out there is %v", nobody.Keys())
		}
		if len(handles(t, m, "ann")) != 0 || len(handles(t, m, "bob")) != 0 {
			t.Error("an index has them still")
		}
	})
}

// AuthenticatedAt is when the principal signed in or proved to be there again, and MaxLifetime
// counts from it.
func TestAuthenticatedAt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 20 * time.Minute, MaxLifetime: time.Hour})
		id := saved(t, m, "n", 1)
		created := view(t, m, id).CreatedAt()
		use := func(d time.Duration) {
			for range d / (10 * time.Minute) {
				time.Sleep(10 * time.Minute)
				commit(t, begin(t, m, id, session.ReadOnly))
			}
		}
		change := func(f func(s *session.Session)) time.Time {
			t.Helper()
			s := begin(t, m, id, session.Exclusive)
			before := s.ID()
			f(s)
			at := s.AuthenticatedAt()
			commit(t, s)
			id = s.ID()
			if v := view(t, m, id); id == before || v.CreatedAt() != created || !v.AuthenticatedAt().Equal(at) || s.AuthenticatedAt() != at {
				t.Errorf("rotated %t, created %v, authenticated %v, want %v", id != before, v.CreatedAt(), v.AuthenticatedAt(), at)
			}
			return at
		}
		now := func() time.Time { return time.UnixMilli(time.Now().UnixMilli()) }
		use(50 * time.Minute)
		if at := change(func(s *session.Session) { s.SetPrincipal("ann") }); !at.Equal(now()) {
			t.Errorf("signed in at %v", at)
		}
		use(50 * time.Minute)
		if at := change((*session.Session).Rotate); !at.Equal(now().Add(-50 * time.Minute)) {
			t.Errorf("a rotation authenticates: %v", at)
		}
		if at := change((*session.Session).Reauthenticated); !at.Equal(now()) {
			t.Errorf("authenticated again at %v", at)
		}
		infos, err := m.SessionsOf(context.Background(), "ann")
		if err != nil || len(infos) != 1 || !infos[0].AuthenticatedAt.Equal(now()) {
			t.Errorf("%v, %v", infos, err)
		}
		use(50 * time.Minute)
		if !lives(t, m, id) {
			t.Error("MaxLifetime does not count from the last authentication")
		}
		time.Sleep(10 * time.Minute)
		if lives(t, m, id) {
			t.Error("MaxLifetime has passed")
		}

		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Reauthenticated()
		if err := s.Commit(context.Background()); err == nil {
			t.Error("nobody was authenticated again")
		}
	})
}

// Values that a Shared request of ann commits while another request switches to bob, or signs
// out, do not stay.
func TestSwitchDropsSharedValues(t *testing.T) {
	for _, next := range []string{"bob", ""} {
		t.Run("to "+next, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				id := signIn(t, m, "ann")
				s := begin(t, m, id, session.Exclusive)
				shared := begin(t, m, id, session.Shared)
				shared.Set("card", "ann's 4111")
				shared.SetTimeout(48 * time.Hour)
				commit(t, shared) // acknowledged, before the switch
				s.SetPrincipal(next)
				commit(t, s)
				v := view(t, m, s.ID())
				if v.Has("card") {
					t.Errorf("the session of %q has ann's value", v.Principal())
				}
			})
		})
	}
}
