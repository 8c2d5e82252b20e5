package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// After a rollback an error page sees the session as it is in Redis, and nobody signed in who is not.
func TestRollbackTakesChangesBack(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true, Hooks: session.Hooks{
			OnError: func(_ context.Context, err error) { told = append(told, err) },
		}})
		signIn(t, m, "ann")
		check := func(what string, s *session.Session, principal, cart string, left time.Duration) {
			t.Helper()
			s.Rollback(t.Context())
			if got := session.GetOr(s, "cart", ""); s.Principal() != principal || got != cart || s.Has("more") {
				t.Errorf("%s: it is of %q and has %q", what, s.Principal(), got)
			}
			if got := s.TimeLeft(); got != left {
				t.Errorf("%s: it lives for %v", what, got)
			}
			if at := s.AuthenticatedAt(); at.IsZero() != (principal == "") {
				t.Errorf("%s: signed in at %v", what, at)
			}
		}
		visitor := saved(t, m, "cart", "tea")
		s := begin(t, m, visitor, session.Exclusive)
		s.Set("cart", "jam")
		s.Set("more", 1)
		s.Remember(time.Hour)
		s.SetPrincipal("ann")
		wantErr(t, s.Commit(t.Context()), session.ErrTooManySessions)
		check("refused", s, "", "tea", 20*time.Minute)

		s = begin(t, m, "", session.Exclusive)
		s.Set("cart", "jam")
		s.SetPrincipal("ann")
		wantErr(t, s.Commit(t.Context()), session.ErrTooManySessions)
		check("refused, new", s, "", "", 0)
		if len(told) != 0 {
			t.Errorf("an answer is told as a failure: %v", told)
		}

		bobs := signIn(t, m, "bob", "cart", "nuts")
		s = begin(t, m, bobs, session.Exclusive)
		s.SetTimeout(time.Minute)
		s.SetPrincipal("cid") // whose values are others
		s.Set("more", 1)
		check("changed its mind", s, "bob", "nuts", 20*time.Minute)
		s = begin(t, m, bobs, session.Exclusive)
		if got := get[string](t, s, "cart"); got != "nuts" {
			t.Errorf("Redis has %q", got)
		}
		s.Rollback(t.Context())
	})
}

// A handler that does not hold its session may use it by its handle, as at the end of a long upload.
func TestDoHandleBesideAReader(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		for _, access := range []session.Access{session.ReadOnly, session.Peek, session.Shared, session.Exclusive} {
			s := begin(t, m, id, access)
			err := m.DoHandle(session.NewContext(t.Context(), s), s.Handle(), session.Exclusive, func(s *session.Session) error {
				s.Set("upload", access.String())
				return nil
			})
			if (err != nil) != (access == session.Exclusive) {
				t.Errorf("beside %v: %v", access, err)
			}
			s.Rollback(t.Context())
		}
		if got := get[string](t, view(t, m, id), "upload"); got != "Shared" {
			t.Errorf("saved %q", got)
		}
	})
}

// Idle is exact, too, when the longest life has cut the session's TTL.
func TestIdleWithMaxLifetime(t *testing.T) {
	for name, o := range map[string]session.Options{
		"": {}, "tracked": {TrackEnd: true}, "sealed": {EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				o.Timeout, o.MaxLifetime = time.Hour, 90*time.Minute
				m := r.Manager(o)
				id := signIn(t, m, "ann", "n", 1)
				idle := func(want time.Duration) {
					t.Helper()
					infos, err := m.SessionsOf(t.Context(), "ann")
					if err != nil || len(infos) != 1 {
						t.Fatalf("%d sessions, %v", len(infos), err)
					}
					if got := infos[0].Idle; got < want || got > want+time.Second {
						t.Errorf("idle for %v, want %v", got, want)
					}
				}
				for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
					time.Sleep(20 * time.Minute)
					s := begin(t, m, id, access)
					idle(0)
					commit(t, s)
					time.Sleep(5 * time.Minute)
					idle(5 * time.Minute)
				}
				if s := view(t, m, id); s.Len() != 1 {
					t.Errorf("it has %v", s.Keys())
				}
				s := begin(t, m, id, session.Exclusive)
				s.Reauthenticated() // its longest life begins anew
				commit(t, s)
				id = s.ID()
				time.Sleep(10 * time.Minute)
				commit(t, begin(t, m, id, session.ReadOnly))
				time.Sleep(7 * time.Minute)
				idle(7 * time.Minute)
			})
		})
	}
}

// Redis refuses to write on a full server, and a reader's session is loaded all the same.
func TestIdleOnAFullServer(t *testing.T) {
	t.Parallel()
	_, r := withServer(t)
	m := r.Manager(session.Options{Timeout: time.Hour, MaxLifetime: time.Hour})
	id := saved(t, m, "n", 1)
	if err := r.Client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	s, err := m.Begin(t.Context(), id, session.ReadOnly)
	if err != nil || get[int](t, s, "n") != 1 {
		t.Errorf("a reader gets %v", err)
	}
}
