package companion_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A logout after the response whose reply is lost, before an outage of more than a minute.
func TestLateAbandonInALongOutage(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{Timeout: time.Hour})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("the companion")
		rig.Commit(t, s)
		id := s.ID()
		s = rig.Begin(t, m, id, session.Shared)
		rig.Commit(t, s)
		s.Rollback(context.Background())
		on.Arm(r.Key(id, "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			on.Each("", rig.Refuse) // from now on
			return rig.Lose(ctx, cmd, next)
		})
		s.Abandon()
		time.Sleep(2 * time.Minute)
		on.Each("", rig.Pass)
		time.Sleep(10 * time.Minute)
		v, ttl := r.Companion(id)
		p, _ := r.CompanionProof(id)
		if rig.Lives(t, m, id) || v != "" {
			t.Errorf("the session lives: %t; 10 minutes after the outage its companion is %q for %v, opened by the ID: %t", rig.Lives(t, m, id), v, ttl, p == rig.Proof(id))
		}
	})
}

// What is to delete the companion of the user before spares that of the next one.
func TestLateDeletionSparesTheNextUser(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{Timeout: time.Hour})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("I am ann")
		rig.Commit(t, s)
		id := s.ID()
		s = rig.Begin(t, m, id, session.Exclusive)
		s.SetPrincipal("")
		// The first _Proof call is Hide, if there is one; the delete has "-" as value.
		n := 0
		on.Each("}_Proof", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			for _, a := range cmd.Args() {
				if a == "-" {
					n++
					return rig.Refuse(ctx, cmd, next)
				}
			}
			return next(ctx, cmd)
		})
		rig.Commit(t, s)
		time.Sleep(100 * time.Millisecond) // the second try has failed too
		id = s.ID()
		on.Each("", rig.Pass) // Redis is back
		s = rig.Begin(t, m, id, session.Exclusive)
		s.SetPrincipal("bob")
		s.SetCompanion("I am bob")
		rig.Commit(t, s)
		v, _ := r.Companion(s.ID())
		p, _ := r.CompanionProof(s.ID())
		if v != "I am bob" || p != rig.Proof(s.ID()) {
			t.Fatalf("setup: %q", v)
		}
		time.Sleep(3 * time.Second)
		rig.Commit(t, rig.Begin(t, m, s.ID(), session.Exclusive))
		time.Sleep(3 * time.Second)
		v, _ = r.Companion(s.ID())
		p, _ = r.CompanionProof(s.ID())
		if n == 0 {
			t.Error("nothing was refused")
		}
		if v != "I am bob" || p != rig.Proof(s.ID()) {
			t.Errorf("bob's live session has companion %q, proof its own: %t", v, p == rig.Proof(s.ID()))
		}
	})
}

// Whoever ends what is not his, and fails, takes no companion.
func TestCompanionOfAnotherApplication(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a := r.Manager(session.Options{})
		b, on := r.Matching(session.Options{App: "other"})
		r.WarmUpOnly(b)
		s := rig.Begin(t, a, "", session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		on.Arm(s.Handle(), rig.Lose)
		if b.End(context.Background(), s.ID()) == nil {
			t.Fatal("nothing failed")
		}
		time.Sleep(2 * time.Minute)
		v, _ := r.Companion(s.ID())
		if !rig.Lives(t, a, s.ID()) || v != "c" {
			t.Errorf("session of app a lives: %t, companion %q", rig.Lives(t, a, s.ID()), v)
		}
	})
}

// A session of another version of berth takes its companion along when it is ended.
func TestCompanionOfAnUnreadableSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: time.Hour})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("the companion")
		rig.Commit(t, s)
		if err := r.Client.HSet(context.Background(), r.Key(s.ID(), "Data"), "_berth", "3 what").Err(); err != nil {
			t.Fatal(err)
		}
		if err := m.EndHandle(context.Background(), s.Handle()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		v, _ := r.Companion(s.ID())
		p, _ := r.CompanionProof(s.ID())
		if v != "" {
			t.Errorf("the companion is %q, opened by the ID: %t", v, p == rig.Proof(s.ID()))
		}
	})
}

// committed returns a session that was committed, of a request with two cookies, and the ID in the other one.
func committed(t *testing.T, m *session.Manager) (s *session.Session, other string) {
	t.Helper()
	other = rig.Saved(t, m, "n", 2)
	headers := http.Header{"Cookie": {"session=" + rig.Saved(t, m, "n", 1) + "; session=" + other}}
	s, err := m.Adapter().Begin(context.Background(), session.Request{Headers: headers}, session.Shared)
	if err != nil {
		t.Fatal(err)
	}
	s.Set("x", 1)
	rig.Commit(t, s)
	return s, other
}

// One late logout makes one call at a time for each session of its cookies, however long that is in vain.
func TestOneLogoutMakesFewCalls(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{Timeout: 3 * time.Hour})
		r.WarmUpOnly(m)
		s, other := committed(t, m)
		s.Abandon() // after the commit
		var calls atomic.Int64
		on.Each(rig.HandleOf(other), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			calls.Add(1)
			return rig.Refuse(ctx, cmd, next)
		})
		ended := m.Stats().Ended
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		was := calls.Load()
		time.Sleep(10 * time.Second)
		if calls.Load()-was > 20 || m.Stats().Ended != ended+1 {
			t.Errorf("one logout: after 10 minutes %d calls in 10 s, %d ended", calls.Load()-was, m.Stats().Ended-ended)
		}
		on.Each("", rig.Pass)
	})
}

// Calls that were never sent leave nothing behind that tries on.
func TestEndsInAnOutageLeaveNothing(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		r.WarmUpOnly(m)
		var calls atomic.Int64
		on.Each("", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			calls.Add(1)
			return rig.Refuse(ctx, cmd, next)
		})
		for range 200 {
			_ = m.End(context.Background(), rig.NewID())
		}
		was := calls.Load()
		time.Sleep(30 * time.Second)
		if more := calls.Load() - was; was < 200 || more != 0 {
			t.Errorf("%d calls in the outage, and %d after them", was, more)
		}
		on.Each("", rig.Pass)
		time.Sleep(2 * time.Second)
		if keys := r.Client.Keys(context.Background(), "*_Proof").Val(); len(keys) > 0 {
			t.Errorf("Redis got %d proofs of sessions that never were", len(keys))
		}
	})
}

// One sign-in that cannot end the oldest session looks after that one once.
func TestOneSignInMakesFewCalls(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{Timeout: time.Hour, MaxPerPrincipal: 1, RetryTimeout: time.Minute})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("c")
		rig.Commit(t, s)
		var calls atomic.Int64
		on.Each(s.Handle(), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			calls.Add(1)
			for _, a := range cmd.Args() {
				if a == r.Key(s.ID(), "Ended") { // the oldest can be looked at, and not be ended
					return rig.Lose(ctx, cmd, func(context.Context, redis.Cmder) error { return nil })
				}
			}
			return next(ctx, cmd)
		})
		newer := rig.Begin(t, m, "", session.Exclusive)
		newer.SetPrincipal("ann")
		_ = newer.Commit(context.Background())
		on.Each(s.Handle(), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			calls.Add(1)
			return rig.Refuse(ctx, cmd, next)
		})
		calls.Store(0)
		time.Sleep(10 * time.Second)
		if calls.Load() > 30 {
			t.Errorf("after one sign-in: %d calls in 10 s", calls.Load())
		}
		on.Each("", rig.Pass)
	})
}

// Close does not wait for RetryTimeout.
func TestCloseDuringALateLogout(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{Timeout: time.Hour, RetryTimeout: 5 * time.Minute})
		r.WarmUpOnly(m)
		s, other := committed(t, m)
		s.Rollback(context.Background())
		on.Each(rig.HandleOf(other), rig.Refuse)
		s.Abandon() // after Rollback
		time.Sleep(time.Second)
		start := time.Now()
		_ = m.Close()
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("Close took %v", took)
		}
		on.Each("", rig.Pass)
	})
}
