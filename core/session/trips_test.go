package session_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// What applications ask for beside values costs no round trip of its own, but where it has to look at
// other keys.
func TestRoundTripsOfUsers(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		client.AddHook(count)
		m := r.ManagerOn(client, session.Options{})
		refusing := r.ManagerOn(client, session.Options{MaxPerPrincipal: 5, RefuseOverLimit: true})
		other := r.Manager(session.Options{}) // is not counted
		visitor := func(s *session.Session) { s.Set("flash", "saved") }
		user := func(s *session.Session) {
			s.SetPrincipal("ann")
			s.Set("flash", "saved")
		}
		signIn := func(s *session.Session) { s.SetPrincipal("ann") }
		for _, c := range []struct {
			name   string
			m      *session.Manager
			before func(s *session.Session) // a request before, nil for none
			access session.Access
			handle func(s *session.Session)
			want   int64
		}{
			{"Peek and TimeLeft", m, visitor, session.Peek, func(s *session.Session) { _ = s.TimeLeft() }, 1},
			{"Pop", m, visitor, session.Exclusive, func(s *session.Session) { _ = session.Pop[string](s, "flash") }, 2},
			{"GetOr", m, visitor, session.ReadOnly, func(s *session.Session) { _ = session.GetOr(s, "flash", "") }, 1},
			{"Remember", m, visitor, session.Exclusive, func(s *session.Session) { s.Remember(time.Hour) }, 2},
			{"RequirePrincipal", m, user, session.ReadOnly, func(s *session.Session) { _ = s.RequirePrincipal(time.Hour) }, 1},
			{"a sign-in of a visitor", m, visitor, session.Exclusive, signIn, 4},
			{"a sign-in without a session", m, nil, session.Exclusive, signIn, 3},
			{"the same, remembered", m, nil, session.Exclusive, func(s *session.Session) { signIn(s); s.Remember(time.Hour) }, 3},
			{"a sign-in of a visitor, below a limit that refuses", refusing, visitor, session.Exclusive, signIn, 4},
		} {
			least := int64(100)
			for range 12 { // while each master of a cluster has yet to learn a script, there is one trip more
				id := ""
				if c.before != nil {
					s := begin(t, other, "", session.Exclusive)
					c.before(s)
					commit(t, s)
					id = s.ID()
				}
				count.N.Store(0)
				s := begin(t, c.m, id, c.access)
				c.handle(s)
				commit(t, s)
				least = min(least, count.N.Load())
				if _, err := other.EndAll(t.Context(), "ann"); err != nil {
					t.Fatal(err)
				}
			}
			if least != c.want {
				t.Errorf("%s: %d round trips, want %d", c.name, least, c.want)
			}
		}
	})
}
