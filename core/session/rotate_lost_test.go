package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Of many rotations in a minute the last eight are remembered; older IDs are unknown, and none
// opens the session.
func TestManyRotations(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		ids := []string{saved(t, m, "n", 1)}
		for range 10 {
			ids = append(ids, rotate(t, m, ids[len(ids)-1]))
		}
		last := len(ids) - 1
		for i, id := range ids {
			s := begin(t, m, id, session.Shared)
			detached, isNew := i >= last-8 && i < last, i < last-8
			if s.Detached() != detached || s.IsNew() != isNew {
				t.Errorf("ID %d of %d: detached %t, new %t", i, last, s.Detached(), s.IsNew())
			}
		}
		time.Sleep(time.Minute + time.Second)
		for _, id := range ids[:last] {
			if !begin(t, m, id, session.Shared).IsNew() {
				t.Error("after a minute an ID is remembered")
			}
		}
		if get[int](t, view(t, m, ids[last]), "n") != 1 {
			t.Error("the session was harmed")
		}
	})
}

// After two rotations in a minute, of which one reply was lost, neither of the old IDs opens the
// session or ends it, and their clients get no cookie.
func TestTwoRotationsInAMinute(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: 5 * time.Second})
		first := saved(t, m, "n", 1)
		warmUpAt(t, m, first)
		second := rotate(t, m, first)
		s := begin(t, m, second, session.Exclusive)
		s.Set("n", 2)
		s.Rotate()
		f.Then(lose)
		commit(t, s)
		for _, old := range []string{first, second} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				o := begin(t, m, old, access)
				if !o.Detached() || o.Len() != 0 {
					t.Errorf("%v: an old ID opens the session", access)
				}
				if access == session.Shared {
					o.Set("n", 3)
				}
				commit(t, o)
				if len(headersOf(o)) != 0 {
					t.Errorf("%v: its client gets %v", access, headersOf(o))
				}
			}
			wantErr(t, m.End(context.Background(), old), session.ErrUnknown)
		}
		if n := get[int](t, view(t, m, s.ID()), "n"); n != 2 || s.ID() == second {
			t.Errorf("n is %d", n)
		}
	})
}

// A rotation whose reply was lost is done by the second try, with the same ID; one whose
// response never reached the client leaves that with a new session after a minute.
func TestRotationThatIsLost(t *testing.T) {
	for name, fault := range map[string]step{"refused": refuse, "reply lost": lose} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
				warmUp(t, m)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				f.Then(fault)
				commit(t, s)
				if r.HGet(id, "_berth_secret") != session.Proof(s.ID()) || get[int](t, view(t, m, s.ID()), "n") != 1 {
					t.Error("the ID that the client gets does not open the session")
				}
				if s := begin(t, m, id, session.Exclusive); !s.Detached() {
					t.Error("the old ID is not retired")
				}
				time.Sleep(time.Minute)
				again := begin(t, m, id, session.Exclusive)
				again.Set("n", 2)
				commit(t, again)
				if again.Handle() == s.Handle() || get[int](t, view(t, m, s.ID()), "n") != 1 {
					t.Error("the old ID still has to do with the session")
				}
			})
		})
	}
}
