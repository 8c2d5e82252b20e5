package watch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A request that watches before its commit does not hear of what it does itself, and does hear of what
// others do afterwards.
func TestOwnCommit(t *testing.T) {
	for name, f := range map[string]func(s *session.Session){
		"nothing":  func(*session.Session) {},
		"a value":  func(s *session.Session) { s.Set("k", "w") },
		"rotation": (*session.Session).Rotate,
		"sign-in":  func(s *session.Session) { s.SetPrincipal("ann") },
	} {
		for _, fresh := range []bool{false, true} {
			if fresh && name == "nothing" {
				continue
			}
			t.Run(map[bool]string{false: "saved ", true: "new "}[fresh]+name, func(t *testing.T) {
				rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
					m := r.Manager(session.Options{})
					id := ""
					if !fresh {
						id = rig.Saved(t, m)
					}
					s := rig.Begin(t, m, id, session.Exclusive)
					s.Set("k", "v")
					watched, stop := s.Watch(t.Context())
					defer stop()
					f(s)
					time.Sleep(10 * time.Second)
					rig.Commit(t, s)
					after, stop := s.Watch(t.Context())
					defer stop()
					time.Sleep(time.Minute)
					wantOpen(t, watched, after)
					rig.Rotate(t, m, s.ID())
					wantReason(t, session.Rotated, watched)
					wantReason(t, session.Rotated, after)
				})
			})
		}
	}
}

// A look that was under way while a request rotated the ID has read the old proof. That is no rotation by
// somebody else.
func TestLookDuringTheOwnCommit(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		watcher, slow := r.Matching(session.Options{})
		id := rig.Saved(t, m)
		looked(t, watcher) // so that the server has the script
		s := rig.Begin(t, watcher, id, session.Exclusive)
		slow.Arm("_Timeout", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd)
			time.Sleep(3 * time.Second) // the reply is late
			return err
		})
		watched, stop := s.Watch(t.Context())
		defer stop()
		time.Sleep(time.Second)
		if !slow.Done() {
			t.Fatal("no look is under way")
		}
		s.Rotate()
		rig.Commit(t, s)
		time.Sleep(time.Minute)
		wantOpen(t, watched)
	})
}

// What happens between the commit and the first look is not missed.
func TestBetweenCommitAndFirstLook(t *testing.T) {
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(session.Options{MaxPerPrincipal: 2})
				id := rig.SignIn(t, m, "ann")
				s := rig.Begin(t, m, id, session.Exclusive)
				rig.Commit(t, s)
				c.do(t, m, id)
				time.Sleep(30 * time.Second)
				watched, stop := s.Watch(t.Context())
				defer stop()
				wantReason(t, c.want, watched)
			})
		})
	}
}

// A request that logs out hears of it, in its stream, after the commit.
func TestOwnLogout(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		for _, rest := range []string{"", "a goodbye"} {
			s := rig.Begin(t, m, rig.SignIn(t, m, "ann"), session.Exclusive)
			watched, stop := s.Watch(t.Context())
			defer stop()
			s.Abandon()
			time.Sleep(10 * time.Second)
			wantOpen(t, watched)
			if rest != "" {
				s.Set("flash", rest)
			}
			rig.Commit(t, s)
			wantReason(t, session.Abandoned, watched)
		}
	})
}

// A request that is rolled back has changed nothing.
func TestOwnRollback(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		s := rig.Begin(t, m, id, session.Exclusive)
		watched, stop := s.Watch(t.Context())
		defer stop()
		s.Rotate()
		s.Rollback(t.Context())
		time.Sleep(time.Minute)
		wantOpen(t, watched)
		rig.Rotate(t, m, id)
		wantReason(t, session.Rotated, watched)
	})
}

// A rotation whose reply was lost is this request's own, however long it is in doubt; once the request
// gives up, its client has the old ID.
func TestOwnCommitInDoubt(t *testing.T) {
	for _, repeats := range []bool{true, false} {
		t.Run(map[bool]string{true: "repeated", false: "given up"}[repeats], func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m, faults := r.Faulty(session.Options{})
				rig.WarmUp(t, m)
				s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
				s.Rotate()
				rig.FailCommit(t, s, faults, rig.Lose)
				watched, stop := s.Watch(t.Context())
				defer stop()
				time.Sleep(20 * time.Second)
				wantOpen(t, watched)
				if !repeats {
					s.Rollback(t.Context())
					wantReason(t, session.Rotated, watched)
					return
				}
				rig.Commit(t, s)
				time.Sleep(time.Minute)
				wantOpen(t, watched)
			})
		})
	}
}

// Where there is nothing to watch, the watch is over at once, or with the commit that saves nothing.
func TestNothingToWatch(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, faults := r.Faulty(session.Options{FailSilently: true})
		over := func(s *session.Session, want error) {
			t.Helper()
			watched, stop := s.Watch(t.Context())
			defer stop()
			if cause := context.Cause(watched); !errors.Is(cause, want) {
				t.Errorf("the cause is %v, want %v", cause, want)
			}
		}
		over(rig.Begin(t, m, "", session.ReadOnly), session.ErrUnknown)
		over(rig.Begin(t, m, "", session.None), session.ErrUnknown)
		unsaved := rig.Begin(t, m, "", session.Exclusive)
		early, stop := unsaved.Watch(t.Context())
		defer stop()
		time.Sleep(time.Minute)
		wantOpen(t, early)
		rig.Commit(t, unsaved)
		over(unsaved, session.ErrUnknown)
		wantCause(t, session.ErrUnknown, early)

		id := rig.Saved(t, m)
		rig.Rotate(t, m, id)
		over(rig.Begin(t, m, id, session.ReadOnly), session.ErrEnded)
		faults.Then(rig.Refuse)
		down := rig.Begin(t, m, id, session.ReadOnly)
		over(down, down.Err())

		for _, handle := range []string{"", "x", rig.HandleOf(rig.NewID())} {
			watched, stop := m.Watch(t.Context(), handle)
			wantCause(t, session.ErrUnknown, watched)
			stop()
		}
	})
}
