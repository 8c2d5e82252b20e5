package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

// A commit whose outcome is not known can be repeated, and not changed.
func TestCommitIsRepeatedAndNotChanged(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, m *session.Manager) *session.Session{
		"new": func(t *testing.T, m *session.Manager) *session.Session {
			return begin(t, m, "", session.Exclusive)
		},
		"exclusive": func(t *testing.T, m *session.Manager) *session.Session {
			return begin(t, m, saved(t, m, "n", 0), session.Exclusive)
		},
		"shared": func(t *testing.T, m *session.Manager) *session.Session {
			return begin(t, m, saved(t, m, "n", 0), session.Shared)
		},
		"rotated": func(t *testing.T, m *session.Manager) *session.Session {
			s := begin(t, m, saved(t, m, "n", 0), session.Exclusive)
			s.Rotate()
			return s
		},
	} {
		for how, fault := range map[string]step{"refused": refuse, "lost": lose} {
			t.Run(name+"/"+how, func(t *testing.T) {
				onEach(t, func(t *testing.T, r *rig) {
					var mu sync.Mutex
					var told []error
					m, f := r.Faulty(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) {
						mu.Lock()
						defer mu.Unlock()
						told = append(told, err)
					}}})
					warmUp(t, m)
					s := start(t, m)
					s.Set("n", 1)
					failCommit(t, s, f, fault)
					told = nil
					for _, change := range []func(){
						func() { s.Set("n", 2) }, func() { s.Delete("n") }, s.Clear, s.Rotate, s.Abandon, s.Reauthenticated,
						func() { s.SetPrincipal("ann") }, func() { s.SetTimeout(time.Hour) }, func() { s.SetCompanion("c") },
					} {
						change()
						if n := len(told); n == 0 || !errors.Is(told[n-1], session.ErrSealed) {
							t.Fatalf("a change is reported as %v", told)
						}
					}
					if len(told) != 9 || errors.Is(s.Err(), session.ErrSealed) {
						t.Errorf("told %d times, Err is %v", len(told), s.Err())
					}
					commit(t, s)
					v := view(t, m, s.ID())
					if n := get[int](t, v, "n"); n != 1 || v.Principal() != "" || s.Err() != nil {
						t.Errorf("n is %d, the principal %q, Err %v", n, v.Principal(), s.Err())
					}
				})
			})
		}
	}
}

// Whatever fails, what a commit says is true: nil, that it is written; ErrLockLost and
// ErrEnded, that it is not, and never will be; anything else, that it is not known.
func TestWhatACommitSaysIsTrue(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{LockTTL: time.Hour})
		other := r.Manager(session.Options{LockWait: -1})
		warmUp(t, m)
		marks := 0
		rapid.Check(t, func(rt *rapid.T) {
			marks++
			mark := fmt.Sprintf("mark %d", marks)
			id := saved(t, m, "n", 0)
			if rapid.Bool().Draw(rt, "new") {
				id = ""
			}
			access := rapid.SampledFrom([]session.Access{session.Exclusive, session.Shared}).Draw(rt, "access")
			s := begin(t, m, id, access)
			defer s.Rollback(context.Background())
			s.Set("mark", mark)
			if id != "" && access == session.Exclusive && rapid.Bool().Draw(rt, "rotates") {
				s.Rotate()
			}
			var late latecomers
			var err error
			for range rapid.IntRange(1, 3).Draw(rt, "tries") {
				switch rapid.SampledFrom([]string{"none", "refuse", "lose", "hold"}).Draw(rt, "fault") {
				case "refuse":
					f.Then(refuse)
				case "lose":
					f.Then(lose)
				case "hold":
					f.Then(late.Hold)
				}
				if err = s.Commit(context.Background()); err == nil {
					break
				}
				if id == "" {
					continue
				}
				switch rapid.SampledFrom([]string{"nothing", "end", "shared", "exclusive"}).Draw(rt, "meanwhile") {
				case "end":
					_ = other.EndHandle(context.Background(), handleOf(id))
				case "shared", "exclusive":
					_ = other.DoHandle(context.Background(), handleOf(id), session.Exclusive, func(o *session.Session) error {
						o.Set("n", 1)
						return nil
					})
				}
			}
			f.Clear()
			if err == nil && id == "" {
				id = s.ID()
			}
			if late.Held() > 0 {
				late.Land(t, r)
			}
			if id == "" {
				return
			}
			var wrote bool
			live := other.DoHandle(context.Background(), handleOf(id), session.ReadOnly, func(o *session.Session) error {
				wrote = o.Has("mark")
				return nil
			}) == nil
			switch {
			case err == nil && live && !wrote:
				rt.Fatal("Commit returned nil, and nothing was written")
			case (errors.Is(err, session.ErrLockLost) || errors.Is(err, session.ErrEnded)) && wrote:
				rt.Fatalf("Commit returned %v, and it was written", err)
			}
		})
	})
}
