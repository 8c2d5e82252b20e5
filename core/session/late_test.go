package session_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// latecomers are calls that the network holds back: their caller hears nothing, and they come
// when he has long tried again.
type latecomers struct {
	mu    sync.Mutex
	calls [][]any
}

// hold keeps a call back.
func (l *latecomers) hold(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, slices.Clone(cmd.Args()))
	cmd.SetErr(errNoReply)
	return errNoReply
}

// land lets them go, in the order in which they were sent.
func (l *latecomers) land(t *testing.T, r *rig) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) == 0 {
		t.Error("nothing was held back")
	}
	for _, args := range l.calls {
		if err := r.client.Do(context.Background(), args...).Err(); err != nil {
			t.Errorf("a late call: %v", err)
		}
	}
}

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
				m, f := faulty(r, session.Options{RetryTimeout: 5 * time.Second})
				other := r.manager(session.Options{LockTTL: time.Second})
				id := saved(t, m, "n", 1, "other", 1)
				warmUpAt(t, m, id)
				s := begin(t, m, id, session.Exclusive)
				s.Rotate() // loads the whole form
				commit(t, s)
				id = s.ID()
				signIn(t, m, "ann")

				var late latecomers
				f.then(late.hold)
				s = begin(t, m, id, session.Exclusive)
				s.Set("n", 2)
				change(s)
				if s.Principal() != "" {
					f.then(pass) // the look at the index
				}
				f.then(late.hold)
				commit(t, s)

				next := begin(t, other, s.ID(), session.Exclusive)
				next.Set("n", 3)
				next.Set("other", 3)
				commit(t, next)
				late.land(t, r)
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
					m, f := faulty(r, session.Options{})
					other := r.manager(session.Options{})
					id := saved(t, m, "n", 1)
					warmUpAt(t, m, id)

					var late latecomers
					fault := step(lose)
					if held {
						fault = late.hold
					}
					s := begin(t, m, id, session.Shared)
					s.Set("n", 2)
					failCommit(t, s, f, fault)
					again := func() { commit(t, s) }
					if held {
						again() // before the other
						again = func() { late.land(t, r) }
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

// A begin that comes late, while the same process waits or holds, does no harm.
func TestLateBeginDisturbsNobody(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := faulty(r, session.Options{RetryTimeout: 5 * time.Second})
		other := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		warmUpAt(t, m, id)
		var late latecomers
		f.then(late.hold)
		s := begin(t, m, id, session.Exclusive)
		late.land(t, r)
		if r.exists(r.key(id, "Waiters")) {
			t.Error("a late begin waits for the lease of its own process")
		}
		s.Set("n", 2)
		commit(t, s)
		if r.exists(r.key(id, "Lock")) {
			t.Error("there is a lease left")
		}
		commit(t, begin(t, other, id, session.Exclusive))
		if n := get[int](t, view(t, m, id), "n"); n != 2 {
			t.Errorf("n is %d", n)
		}
	})
}
