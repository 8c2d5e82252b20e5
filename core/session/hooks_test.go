package session_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Each saved session has one OnStart, before it is written, and what that sets
// is saved.
func TestOnStart(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		started := 0
		m, f := r.Faulty(session.Options{Hooks: session.Hooks{
			OnStart: func(_ context.Context, s *session.Session) {
				started++
				s.Set("started", true)
			},
		}})
		commit(t, begin(t, m, "", session.Exclusive))
		s := begin(t, m, "", session.ReadOnly)
		commit(t, s)
		if started != 0 {
			t.Error("called for a session that was not saved")
		}
		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		f.Then(refuse)
		if err := s.Commit(context.Background()); err == nil {
			t.Fatal("the fault did not strike")
		}
		commit(t, s)
		id := s.ID()
		if started != 1 || !get[bool](t, view(t, m, id), "started") {
			t.Errorf("called %d times", started)
		}
		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		commit(t, s)
		if started != 1 {
			t.Error("called for a rotation")
		}
	})
}

func TestFieldHooks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var c changes
		m, f := r.Faulty(session.Options{Hooks: c.hooks()})
		id := saved(t, m, "b", 1, "a", 2)
		if !slices.Equal(c.set, []string{"a", "b"}) {
			t.Errorf("set %v", c.set)
		}
		c = changes{}
		s := begin(t, m, id, session.Exclusive)
		s.Delete("a")
		f.Then(refuse)
		_ = s.Commit(context.Background())
		if c.set != nil || c.deleted != nil {
			t.Error("called for a commit that failed")
		}
		commit(t, s)
		c.want(t, "delete", "", "a")
	})
}

// A hook is not called for nothing: OnFieldsSet by a commit that sets nothing, OnFieldsDeleted by one
// that deletes nothing.
func TestFieldHooksHaveFields(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *session.Session)
		want   []string // the hooks that are called
	}{
		"nothing":          {func(*session.Session) {}, nil},
		"the same again":   {func(s *session.Session) { s.Set("a", 1) }, nil},
		"delete no value":  {func(s *session.Session) { s.Delete("z") }, nil},
		"set":              {func(s *session.Session) { s.Set("b", 2) }, []string{"set b"}},
		"delete":           {func(s *session.Session) { s.Delete("a") }, []string{"deleted a"}},
		"set and delete":   {func(s *session.Session) { s.Set("b", 2); s.Delete("a") }, []string{"set b", "deleted a"}},
		"timeout":          {func(s *session.Session) { s.SetTimeout(time.Hour) }, nil},
		"whoever signs in": {func(s *session.Session) { s.SetPrincipal("ann") }, nil},
	} {
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			if access == session.Shared && name == "whoever signs in" {
				continue // takes a lease
			}
			t.Run(name+"/"+access.String(), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					var calls []string
					hook := func(what string) func(context.Context, *session.Session, []string) {
						return func(_ context.Context, _ *session.Session, keys []string) {
							calls = append(calls, what+" "+strings.Join(keys, " "))
						}
					}
					m := r.Manager(session.Options{Hooks: session.Hooks{OnFieldsSet: hook("set"), OnFieldsDeleted: hook("deleted")}})
					id := saved(t, m, "a", 1)
					calls = nil
					s := begin(t, m, id, access)
					c.change(s)
					commit(t, s)
					if !slices.Equal(calls, c.want) {
						t.Errorf("called: %q, want %q", calls, c.want)
					}
				})
			})
		}
	}
}

// OnError may use the session of its context, whatever failed, such as to say whose it is.
func TestOnErrorUsesTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *session.Session)
		arm    func(r *rig, id string, on *matching)
		want   int
	}{
		"the commit":    {func(s *session.Session) { s.Set("n", 2) }, func(r *rig, id string, on *matching) { on.Arm(r.Key(id, "Data"), refuse) }, 1},
		"the companion": {func(s *session.Session) { s.Set("n", 2) }, func(_ *rig, _ string, on *matching) { on.Arm("_Proof", refuse) }, 1},
		"its deletion":  {(*session.Session).Abandon, func(_ *rig, _ string, on *matching) { on.Arm("_Proof", refuse) }, 1},
		"the index of ends": {func(s *session.Session) { s.SetTimeout(time.Second) }, func(_ *rig, _ string, on *matching) {
			on.Arm("_Ends_", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				on.Arm("_Ends_", refuse) // the second time
				return next(ctx, cmd)
			})
		}, 1},
		"an unreadable session": {func(s *session.Session) { s.SetPrincipal("ann") }, func(r *rig, _ string, _ *matching) {
			r.Client.HSet(context.Background(), r.Key("newer", "Data"), "_berth", "9 of a newer version")
			r.Client.ZAdd(context.Background(), "{"+r.App+"_Principal_ann}", redis.Z{Score: 1, Member: "newer"})
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				told := 0
				m, on := r.Matching(tracked(func(o *session.Options) {
					o.MaxPerPrincipal = 1
					o.Hooks.OnError = func(ctx context.Context, _ error) {
						told++
						_ = session.FromContext(ctx).Principal()
					}
				}))
				support.WarmUpAll(t, m)
				signIn(t, m, "ann")
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.SetCompanion("c")
				commit(t, s)
				s = begin(t, m, id, session.Exclusive)
				ctx := session.NewContext(context.Background(), s)
				c.change(s)
				c.arm(r, id, on)
				if err := s.Commit(ctx); (err == nil) == (name == "the commit") {
					t.Error(err)
				}
				if told != c.want {
					t.Errorf("told %d times, want %d", told, c.want)
				}
				on.Arm("", nil)
				s.Rollback(ctx)
			})
		})
	}
}

// OnError may close the manager, also when it is told of what went on beside a request.
func TestCloseInOnError(t *testing.T) {
	for name, change := range map[string]func(s *session.Session){
		"index":     func(s *session.Session) { s.SetTimeout(time.Hour); commit(t, s) },
		"companion": func(*session.Session) { time.Sleep(5 * time.Second) }, // until the lease is renewed
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				var m *session.Manager
				closed := make(chan error, 10)
				m, on := r.Matching(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { closed <- m.Close() }}})
				r.WarmUpOnly(m)
				s := begin(t, m, "", session.Exclusive)
				s.SetPrincipal("ann")
				s.SetCompanion("c")
				commit(t, s)
				s = begin(t, m, s.ID(), session.Exclusive)
				on.Each(map[string]string{"index": "_Principal_", "companion": "_Proof"}[name], refuse)
				change(s)
				select {
				case err := <-closed:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(time.Minute):
					t.Error("Close hangs, or nothing has failed")
				}
				on.Each("", nil)
				s.Rollback(context.Background())
			})
		})
	}
}

func TestStats(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m)
		commit(t, begin(t, m, id, session.Exclusive))
		begin(t, m, id, session.Exclusive).Rollback(ctx)
		s := begin(t, m, id, session.Exclusive)
		s.Abandon()
		commit(t, s)
		if !begin(t, m, id, session.ReadOnly).Detached() {
			t.Error("not retired")
		}
		_ = m.End(ctx, saved(t, m))
		want := session.Stats{Begun: 6, Created: 2, Committed: 4, RolledBack: 1, Ended: 2, Detached: 1}
		if got := m.Stats(); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}

// OnError that asks the session who it was: the most natural hook.
func TestErrorHookMayUseTheSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{Hooks: session.Hooks{
			OnError: func(ctx context.Context, err error) { _ = session.FromContext(ctx).Principal() },
		}})
		warmUp(t, m)
		s := begin(t, m, saved(t, m), session.Exclusive)
		f.Then(refuse)
		done := make(chan struct{})
		go func() { s.Rollback(session.NewContext(context.Background(), s)); close(done) }()
		select {
		case <-done:
		case <-time.After(3 * time.Second): // a deadlock of a mutex is no durable block
			t.Fatal("Rollback holds the session's mutex while it calls OnError: deadlock")
		}
	})
}

// After Close too, OnError may use the session when it hears that an index could not be told.
func TestHookAfterClose(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	var s *session.Session
	m, on := r.Matching(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { _ = s.Principal() }}})
	id := signIn(t, m, "ann")
	s = begin(t, m, id, session.Exclusive)
	s.SetTimeout(time.Hour)
	_ = m.Close()
	on.Each("_Principal_", refuse)
	done := make(chan error, 1)
	go func() { done <- s.Commit(context.Background()) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(3 * time.Second):
		t.Error("deadlock: Commit holds the session's mutex while it calls OnError")
	}
}

// An OnError hook that shuts the service down.
func TestCloseInAHook(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		closed := make(chan struct{})
		var m *session.Manager
		m = r.Manager(session.Options{LockTTL: time.Second, LockHold: time.Second, Hooks: session.Hooks{
			OnError: func(context.Context, error) {
				go func() { _ = m.Close(); close(closed) }()
				select {
				case <-closed:
				case <-time.After(time.Hour):
					t.Error("Close waits for the hook that calls it")
				}
			},
		}})
		s := begin(t, m, saved(t, m), session.Exclusive)
		<-s.Lost()
		s.Rollback(context.Background())
		<-closed
	})
}
