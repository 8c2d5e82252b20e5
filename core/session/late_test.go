package session_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A begin and a commit that come late, when another request has committed, overwrite nothing:
// each try of a begin has a token of its own, so the late one takes a lease with which nobody
// commits.
func TestLateCallsOverwriteNothing(t *testing.T) {
	for name, change := range map[string]func(s *session.Session){
		"a value":    func(*session.Session) {},
		"a deletion": func(s *session.Session) { s.Delete("other") },
		"a rotation": (*session.Session).Rotate,
		"a sign-in":  func(s *session.Session) { s.SetPrincipal("ann") },
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m, f := r.Faulty(session.Options{RetryTimeout: 5 * time.Second})
				other := r.Manager(session.Options{LockTTL: time.Second})
				id := saved(t, m, "n", 1, "other", 1)
				warmUpAt(t, m, id)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate() // loads the whole form
				commit(t, s)
				id = s.ID()
				signIn(t, m, "ann")

				var late latecomers
				f.Then(late.Hold)
				s = begin(t, m, id, session.Exclusive)
				s.Set("n", 2)
				change(s)
				if s.Principal() != "" {
					f.Then(pass) // the look at the index
				}
				f.Then(late.Hold)
				commit(t, s)

				next := begin(t, other, s.ID(), session.Exclusive)
				next.Set("n", 3)
				next.Set("other", 3)
				commit(t, next)
				late.Land(t, r)
				v := view(t, m, s.ID())
				if get[int](t, v, "n") != 3 || get[int](t, v, "other") != 3 {
					t.Errorf("n is %d: the late commit has overwritten an acknowledged one", get[int](t, v, "n"))
				}
				// The lease that the late begin took is nobody's. The process that sent it takes it
				// over, others have it once it has run out.
				commit(t, begin(t, m, s.ID(), session.Exclusive))
				commit(t, begin(t, other, s.ID(), session.Exclusive))
			})
		})
	}
}

// A Shared commit that comes late, or is tried again, when another has committed, undoes
// nothing.
func TestLateSharedCommitUndoesNothing(t *testing.T) {
	for name, held := range map[string]bool{"held back": true, "reply lost": false} {
		for _, access := range []session.Access{session.Shared, session.Exclusive} {
			t.Run(name+", before "+access.String(), func(t *testing.T) {
				onEach(t, func(t *testing.T, r *rig) {
					m, f := r.Faulty(session.Options{})
					other := r.Manager(session.Options{})
					id := saved(t, m, "n", 1)
					warmUpAt(t, m, id)

					var late latecomers
					fault := step(lose)
					if held {
						fault = late.Hold
					}
					s := begin(t, m, id, session.Shared)
					s.Set("n", 2)
					failCommit(t, s, f, fault)
					again := func() { commit(t, s) }
					if held {
						again() // before the other
						again = func() { late.Land(t, r) }
					}
					next := begin(t, other, id, access)
					next.Set("n", 3)
					commit(t, next)
					again()
					if n := get[int](t, view(t, m, id), "n"); n != 3 {
						t.Errorf("n is %d: an acknowledged commit was undone", n)
					}
				})
			})
		}
	}
}
