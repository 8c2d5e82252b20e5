package session_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Peek sees all of a session, and the session ends as if nobody had looked. Tracked or not, it writes
// nothing.
func TestPeek(t *testing.T) {
	for name, options := range map[string]session.Options{
		"plain":    {},
		"tracked":  {TrackEnd: true},
		"cookie":   {Cookie: session.Cookie{MaxAge: time.Hour}},
		"lifetime": {MaxLifetime: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				client, count := r.NewClient(), &trips{}
				options.Timeout = 10 * time.Minute
				m := r.ManagerOn(client, options)
				id := signIn(t, m, "ann", "n", 1)
				commit(t, begin(t, m, id, session.Peek)) // loads the script
				time.Sleep(7 * time.Minute)
				client.AddHook(count)
				before := r.Mini.Dump()
				s := begin(t, m, id, session.Peek)
				if get[int](t, s, "n") != 1 || s.Principal() != "ann" || s.TimeLeft() != 3*time.Minute || s.ID() != id {
					t.Errorf("it sees a session of %q that lives for %v", s.Principal(), s.TimeLeft())
				}
				if err := s.Finish(t.Context()); err != nil {
					t.Error(err)
				}
				if n := count.N.Load(); n != 1 || r.Mini.Dump() != before {
					t.Errorf("%d round trips; Redis has\n%s\nbefore\n%s", n, r.Mini.Dump(), before)
				}
				time.Sleep(3*time.Minute + time.Second)
				if s := begin(t, m, id, session.Peek); !s.IsNew() {
					t.Error("the session lives on")
				}
			})
		})
	}
}

// Peek shows a session to nobody to whom ReadOnly would not, and changes nothing.
func TestPeekIsReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		if s := begin(t, m, handleOf(id)+session.NewID()[26:], session.Peek); !s.IsNew() || s.Has("n") {
			t.Error("a handle is enough")
		}
		s := begin(t, m, id, session.Peek)
		s.Set("n", 2)
		wantErr(t, s.Commit(t.Context()), session.ErrReadOnly)
		s = begin(t, m, id, session.Peek)
		s.Abandon()
		wantErr(t, s.Commit(t.Context()), session.ErrReadOnly)
		for _, access := range []session.Access{session.Peek, session.ReadOnly} {
			s := begin(t, m, id, access)
			commit(t, s)
			s.Abandon() // too late, and not its to end
			s.Rollback(t.Context())
			if !lives(t, m, id) {
				t.Fatalf("%v has ended the session", access)
			}
		}
		newer := rotate(t, m, id)
		if s := begin(t, m, id, session.Peek); !s.Detached() || s.TimeLeft() != 0 {
			t.Error("an ID that was rotated away opens the session")
		}
		if err := m.End(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		if s := begin(t, m, newer, session.Peek); s.PreviousEnd() != session.Operator {
			t.Errorf("it ended as %q", s.PreviousEnd())
		}
		r.Client.HSet(t.Context(), r.Key(newer, "Data"), "_berth", "9 of a later version")
		if _, err := m.Begin(t.Context(), newer, session.Peek); err == nil {
			t.Error("it reads what it does not know")
		}
	})
}

// A session that the first middleware has begun has a new idle time already.
func TestPeekInASecondMiddleware(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		for outer, refused := range map[session.Access]bool{session.Exclusive: true, session.ReadOnly: true, session.None: false, session.Peek: false} {
			s := begin(t, m, id, outer)
			err := m.Adapter().ChangeAccess(session.NewContext(t.Context(), s), session.Peek)
			if (err != nil) != refused {
				t.Errorf("after %v: %v", outer, err)
			}
			s.Rollback(t.Context())
		}
	})
}

func TestTimeLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute, MaxLifetime: time.Hour})
		id := saved(t, m)
		for range 6 {
			time.Sleep(9 * time.Minute)
			commit(t, begin(t, m, id, session.ReadOnly))
		}
		for _, access := range []session.Access{session.Exclusive, session.ReadOnly, session.Peek} {
			s := begin(t, m, id, access)
			if left := s.TimeLeft(); left != 6*time.Minute {
				t.Errorf("%v: %v are left until MaxLifetime", access, left)
			}
			s.Rollback(t.Context())
		}
		s := begin(t, m, id, session.Exclusive)
		s.SetPrincipal("ann")
		if left := s.TimeLeft(); left != 10*time.Minute {
			t.Errorf("after a sign-in %v are left", left)
		}
		commit(t, s)
		s = begin(t, m, "", session.Exclusive)
		if left := s.TimeLeft(); left != 0 {
			t.Errorf("a session that nobody saves has %v", left)
		}
		s.Set("n", 1)
		if left := s.TimeLeft(); left != 10*time.Minute {
			t.Errorf("a new session has %v", left)
		}
	})
}

// Sessions without a principal have a timeout of their own, unless one was set.
func TestAnonymousTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Hour, AnonymousTimeout: time.Minute, TrackEnd: true})
		id := saved(t, m)
		left := func(what string, want time.Duration) {
			t.Helper()
			if got := begin(t, m, id, session.Peek).TimeLeft(); got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		change := func(f func(s *session.Session)) {
			t.Helper()
			s := begin(t, m, id, session.Exclusive)
			f(s)
			commit(t, s)
			id = s.ID()
		}
		left("without a principal", time.Minute)
		change(func(s *session.Session) { s.SetPrincipal("ann") })
		left("after a sign-in", time.Hour)
		change(func(s *session.Session) { s.SetPrincipal("bob") })
		left("after a change of users", time.Hour)
		change(func(s *session.Session) { s.SetPrincipal("") })
		left("after a sign-out", time.Minute)
		change(func(s *session.Session) { s.SetTimeout(5 * time.Minute) })
		change(func(s *session.Session) { s.SetPrincipal("ann") })
		left("set before the sign-in", 5*time.Minute)
		change(func(s *session.Session) { s.SetTimeout(0) })
		left("the default", time.Hour)
		change(func(s *session.Session) { s.Abandon(); s.Set("n", 1) })
		left("after Abandon", time.Minute)
	})
}

// Of a session that is gone, nothing is left.
func TestTimeLeftOfASessionThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute})
		id := saved(t, m)
		time.Sleep(11 * time.Minute)
		for _, access := range []session.Access{session.Peek, session.ReadOnly} {
			if left := begin(t, m, id, access).TimeLeft(); left != 0 {
				t.Errorf("%v: the session has expired, and %v are left", access, left)
			}
		}
	})
}
