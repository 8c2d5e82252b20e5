package session_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

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

// EndAll in a request of one's own session leaves that in the index until it ends: if the commit
// does not come, the next EndAll finds it.
func TestOwnSessionStaysListedUntilItEnds(t *testing.T) {
	for name, give := range map[string]func(t *testing.T, s *session.Session, ctx context.Context, on *matching){
		"rolled back": func(t *testing.T, s *session.Session, ctx context.Context, on *matching) { s.Rollback(ctx) },
		"commit fails": func(t *testing.T, s *session.Session, ctx context.Context, on *matching) {
			on.Each("_Ended", refuse)
			if s.Finish(ctx) == nil {
				t.Error("nothing has failed")
			}
			s.Rollback(ctx)
			on.Each("", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := r.Matching(session.Options{})
				admin := r.Manager(session.Options{})
				r.WarmUpOnly(m)
				id := signIn(t, m, "ann")
				s := begin(t, m, id, session.Exclusive)
				ctx := session.NewContext(context.Background(), s)
				if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				give(t, s, ctx, on)
				time.Sleep(time.Minute)
				n, err := admin.EndAll(context.Background(), "ann")
				if lives(t, m, id) {
					t.Errorf("EndAll ended %d (%v), and ann's session lives", n, err)
				}
			})
		})
	}
}

// A removal from the index that comes late does not take out a later sign-in of the same session.
func TestLateRemoveFromIndex(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{})
		id := signIn(t, m, "ann")
		become := func(id, who string) string {
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal(who)
			commit(t, s)
			return s.ID()
		}
		id = become(become(id, "bob"), "ann") // the scripts are loaded
		var late latecomers
		on.Arm(r.PrincipalKey("ann"), late.Hold)
		id = become(id, "bob")
		id = become(id, "ann")
		late.Land(t, r)
		n, err := m.EndAll(context.Background(), "ann")
		if lives(t, m, id) {
			t.Errorf("EndAll ended %d (%v), and ann's session lives", n, err)
		}
	})
}

// Nobody is signed in in silence, after Abandon neither.
func TestSignInAfterAbandonIsLoud(t *testing.T) {
	for _, silently := range []bool{false, true} {
		inner := func(t *testing.T, r *rig) {
			m, on := r.Matching(session.Options{FailSilently: silently})
			r.WarmUpOnly(m)
			id := signIn(t, m, "ann")
			s := begin(t, m, id, session.Exclusive)
			s.Abandon()
			s.SetPrincipal("bob")
			on.Each("bob", refuse)
			err := s.Commit(context.Background())
			if err == nil && s.ID() == "" {
				t.Errorf("Commit is nil, Principal is %q, and nobody is signed in", s.Principal())
			}
		}
		t.Run(map[bool]string{true: "silently", false: "loudly"}[silently], func(t *testing.T) { inBubble(t, inner) })
	}
}

// In DoHandle, SetPrincipal is an error after Abandon too: no client would hear of the session.
func TestDoHandleSignsNobodyIn(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxPerPrincipal: 1})
		ann := signIn(t, m, "ann")
		id := saved(t, m)
		err := m.DoHandle(context.Background(), handleOf(id), session.Exclusive, func(s *session.Session) error {
			s.Abandon()
			s.SetPrincipal("ann")
			return nil
		})
		if !lives(t, m, ann) {
			t.Errorf("DoHandle (%v) has replaced ann's session by one that nobody can open", err)
		}
	})
}

// EndOthers of a request whose ID was rotated away, or whose session is another user's by now, ends
// nothing.
func TestEndOthersAfterARotation(t *testing.T) {
	for name, change := range map[string]func(s *session.Session){
		"rotation": (*session.Session).Rotate, "switch": func(s *session.Session) { s.SetPrincipal("bob") },
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				stolen, other := signIn(t, m, "ann"), signIn(t, m, "ann")
				thief := begin(t, m, stolen, session.Shared) // a slow request
				s := begin(t, m, stolen, session.Exclusive)
				change(s)
				commit(t, s)
				n, err := thief.EndOthers(context.Background())
				if !lives(t, m, other) {
					t.Errorf("ended %d (%v) with an ID that was rotated away", n, err)
				}
				thief.Rollback(context.Background())
			})
		})
	}
}

// EndAll of the old user, in a request that signs in another one, does not undo that.
func TestEndAllOfTheUserBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, signIn(t, m, "ann"), session.Exclusive)
		ctx := session.NewContext(context.Background(), s)
		s.SetPrincipal("bob")
		if _, err := m.EndAll(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		err := s.Commit(ctx)
		if err == nil && s.Principal() != "bob" {
			t.Errorf("bob was signed in, Commit says nothing, and the session is %q's", s.Principal())
		}
	})
}

// An idle timeout that stands for "never" is one for the index too.
func TestIndexOfAnEndlessSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetTimeout(math.MaxInt64)
		commit(t, s)
		time.Sleep(10 * time.Minute)
		n, err := m.EndAll(ctx, "ann")
		if n != 1 || err != nil || lives(t, m, s.ID()) {
			t.Errorf("EndAll ended %d (%v), and the session lives: %t", n, err, lives(t, m, s.ID()))
		}
	})
}

func TestIndexOfLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{LockHold: math.MaxInt64})
		id := signIn(t, m, "ann")
		ttl := r.Client.PTTL(ctx, "{"+r.App+"_Principal_ann}").Val()
		_ = id
		if ttl < 0 {
			t.Errorf("the index never expires: %v", ttl)
		}
	})
}

// Do with an ID and None does not call f: nobody has looked whether there is such a session.
func TestDoWithNone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		err := m.Do(context.Background(), session.NewID(), session.None, func(*session.Session) error {
			t.Error("f was called for an ID that nobody has")
			return nil
		})
		if err == nil {
			t.Error("it is no error")
		}
	})
}

// Where Rollback was called already, as in a stream that runs after the middleware, Abandon ends the
// session by itself.
func TestAbandonAfterRollback(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		s := begin(t, m, saved(t, m), session.Exclusive)
		commit(t, s)
		s.Rollback(context.Background()) // as the middleware defers; a Fiber stream writer runs after it
		s.Abandon()
		time.Sleep(10 * time.Second)
		if lives(t, m, s.ID()) {
			t.Error("told that the session ends, and it lives")
		}
	})
}

// With FailSilently, after a commit whose failure was hidden, Abandon ends the session too.
func TestAbandonAfterAHiddenFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{FailSilently: true})
		r.WarmUpOnly(m)
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 1)
		f.Then(refuse)
		commit(t, s) // hidden
		s.Abandon()
		s.Rollback(ctx)
		time.Sleep(10 * time.Second)
		if err := s.Commit(ctx); err == nil && lives(t, m, id) {
			t.Error("Abandon, Commit and Rollback say nothing, and the session lives")
		} else if lives(t, m, id) {
			t.Errorf("the session lives (%v)", err)
		}
	})
}

// One Session, all of its methods at once: for the race detector, and deadlocks.
func TestMethodsAtOnce(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	m := r.Manager(session.Options{TrackEnd: true, MaxPerPrincipal: 2, Hooks: session.Hooks{
		OnStart: func(ctx context.Context, s *session.Session) { s.Set("started", true) },
		OnError: func(ctx context.Context, err error) { _ = ctx },
	}})
	for range 40 {
		id := ""
		if rand.N(2) == 0 {
			id = signIn(t, m, "ann")
		}
		s := begin(t, m, id, []session.Access{session.Exclusive, session.Shared}[rand.N(2)])
		ctx := session.NewContext(context.Background(), s)
		calls := []func(){
			func() { s.Set("a", 1) }, func() { _, _ = session.Get[int](s, "a") }, func() { s.Delete("a") }, s.Clear, s.Rotate, s.Abandon, s.Reauthenticated,
			func() { s.SetPrincipal("ann") }, func() { s.SetPrincipal("") }, func() { s.SetCompanion("c") }, func() { s.SetTimeout(time.Minute) },
			func() { _ = s.Commit(ctx) }, func() { _ = s.Finish(ctx) }, func() { s.Rollback(ctx) }, func() { headersOf(s) },
			func() { _, _, _, _ = s.ID(), s.Handle(), s.PreviousEnd(), s.Principal() }, func() { _, _ = s.Err(), s.Detached() }, func() { _ = s.Lost() },
			func() { _, _ = m.EndAll(ctx, "ann") }, func() { _, _ = s.EndOthers(ctx) }, func() { _ = m.EndHandle(ctx, s.Handle()) }, func() { _ = s.AuthenticatedAt() },
			func() { _, _ = s.Keys(), s.Len() },
		}
		var wg sync.WaitGroup
		for _, call := range calls {
			wg.Go(call)
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("deadlock")
		}
		s.Rollback(ctx)
	}
}

// Whatever identity changes and losses of replies run at once, in three processes: what lives and has a
// principal is in that one's index, there is no lease and no gate left, and a session's values are those
// of its principal.
func TestIdentityTorture(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	clean := r.Manager(session.Options{})
	var ms []*session.Manager
	for range 3 {
		m, on := r.Matching(session.Options{MaxPerPrincipal: 3, RetryTimeout: 3 * time.Second, LockTTL: time.Second, LockWait: 2 * time.Second})
		on.Each("", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if rand.N(15) == 0 {
				return lose(ctx, cmd, next)
			}
			return next(ctx, cmd)
		})
		ms = append(ms, m)
	}
	names := []string{"ann", "bob", ""}
	var mu sync.Mutex
	ids := make([]string, 6)
	stop := time.Now().Add(time.Duration(rounds(300, 3000)) * time.Millisecond)
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				m, slot := ms[g%3], rand.N(len(ids))
				mu.Lock()
				id := ids[slot]
				mu.Unlock()
				access := []session.Access{session.Exclusive, session.Exclusive, session.Shared, session.ReadOnly}[rand.N(4)]
				s, err := m.Begin(ctx, id, access)
				if err != nil {
					continue
				}
				who := s.Principal()
				if owner, err := session.Get[string](s, "owner"); err == nil && owner != who && access != session.Shared {
					t.Errorf("a session of %q has values of %q", who, owner)
				}
				switch {
				case access == session.ReadOnly:
				case rand.N(12) == 0:
					s.Abandon()
				case access == session.Exclusive && rand.N(2) == 0:
					s.SetPrincipal(names[rand.N(3)])
					s.Set("owner", s.Principal())
				case access == session.Exclusive && rand.N(3) == 0:
					s.Rotate()
				case rand.N(10) == 0 && who != "":
					_, _ = m.EndAll(session.NewContext(ctx, s), who)
				default:
					s.Set("n", rand.N(100))
				}
				if s.Commit(ctx) == nil {
					if next := s.ID(); next != "" && next != id {
						mu.Lock()
						ids[slot] = next
						mu.Unlock()
					}
				}
				s.Rollback(ctx)
			}
		})
	}
	wg.Wait()
	// What a lost reply has left behind runs out, within LockTTL.
	until(t, "no session is held", func() bool {
		for info, err := range clean.Sessions(ctx) {
			if err != nil || info.HeldFor > 0 {
				return false
			}
		}
		return true
	})
	listed := map[string]bool{}
	for _, who := range names[:2] {
		for _, h := range handles(t, clean, who) {
			listed[h] = true
		}
	}
	for info, err := range clean.Sessions(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if info.Principal != "" && !listed[info.Handle] {
			t.Errorf("%v lives and is not in the index", info)
		}
		for _, m := range ms {
			if err := m.DoHandle(ctx, info.Handle, session.Exclusive, func(*session.Session) error { return nil }); err != nil {
				t.Errorf("%v: %v", info, err)
			}
		}
	}
}
