package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestLeaseIsRenewedUntilLockHold(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, other := r.Manager(session.Options{}), r.Manager(session.Options{LockWait: -1})
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		start := time.Now()
		for time.Since(start) < 109*time.Second {
			time.Sleep(time.Second)
			if _, err := other.Begin(ctx, id, session.Exclusive); !errors.Is(err, session.ErrLockTimeout) {
				t.Fatalf("after %v another request got in: %v", time.Since(start), err)
			}
			select {
			case <-s.Lost():
				t.Fatalf("lost after %v", time.Since(start))
			default:
			}
		}
		select {
		case <-s.Lost():
		case <-time.After(time.Minute):
		}
		if held := time.Since(start); held < 110*time.Second || held > 120*time.Second {
			t.Fatalf("lost after %v, want 110 s and at most 10 s more", held)
		}
		rig.Commit(t, rig.Begin(t, other, id, session.Exclusive))
		rig.WantErr(t, s.Commit(ctx), session.ErrLockLost)
		rig.WantErr(t, s.Err(), session.ErrLockLost)
		s.Rollback(ctx)
		if rig.Get[int](t, rig.View(t, m, id), "n") != 1 {
			t.Error("a lost lease wrote")
		}
		if st := m.Stats(); st.LeasesLost != 1 {
			t.Errorf("%d leases were lost", st.LeasesLost)
		}
	})
}

// A commit within LockTTL after LockHold still succeeds.
func TestCommitAfterLockHold(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{LockTTL: 10 * time.Second, LockHold: 10 * time.Second})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		s.Set("n", 1)
		time.Sleep(15 * time.Second)
		rig.Commit(t, s)
	})
}

// After LockHold there is no renewal, also when the last one had failed.
func TestNoRenewalAfterLockHold(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{LockTTL: 9 * time.Second, LockHold: 10 * time.Second})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		start := time.Now()
		time.Sleep(8 * time.Second)    // renewals at 3 s and 6 s were fine
		f.Then(rig.Refuse, rig.Refuse) // at 9 s and 9.9 s; the try at 10.8 s is after LockHold
		select {
		case <-s.Lost():
		case <-time.After(time.Minute):
		}
		if took := time.Since(start); took > 19*time.Second {
			t.Errorf("LockHold 10s, LockTTL 9s: held for %v", took)
		}
	})
}

// Renewal outlasts a fault that is shorter than the lease, and the lease counts
// as lost at the time it may have ended in Redis, not later.
func TestRenewalDuringAnOutage(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		time.Sleep(time.Second)
		f.Then(rig.Refuse, rig.Refuse, rig.Refuse)
		time.Sleep(30 * time.Second)
		select {
		case <-s.Lost():
			t.Fatal("three failed renewals lost the lease")
		default:
		}
		for range 100 {
			f.Then(rig.Refuse)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 10*time.Second || took < 5*time.Second {
			t.Errorf("lost after %v without Redis", took)
		}
	})
}

// The lease may be as old as the request for it: a slow reply does not prolong it.
func TestLeaseIsAsOldAsItsRequest(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		rig.WarmUp(t, m)
		id := rig.Saved(t, m)
		start := time.Now()
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd)
			time.Sleep(3 * time.Second)
			return err
		})
		s := rig.Begin(t, m, id, session.Exclusive)
		for range 100 {
			f.Then(rig.Refuse)
		}
		<-s.Lost()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("lost after %v, want 10s", took)
		}
		s.Rollback(context.Background())
	})
}

// Short leases on a real server: renewed while held, free soon after a crash.
func TestLeaseTimesOnRedis(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	o := session.Options{LockTTL: 300 * time.Millisecond}
	m, other := r.Manager(o), r.Manager(o)
	id := rig.Saved(t, m)
	s := rig.Begin(t, m, id, session.Exclusive)
	renewed := 0
	last := time.Duration(0)
	rig.Until(t, "the lease is renewed three times", func() bool {
		left := r.Client.PTTL(context.Background(), r.Key(id, "Lock")).Val()
		if left > last {
			renewed++
		}
		last = left
		return renewed > 3
	})
	_ = m.Close()
	start := time.Now()
	rig.Commit(t, rig.Begin(t, other, id, session.Exclusive))
	if took := time.Since(start); took > 800*time.Millisecond {
		t.Errorf("free after %v", took)
	}
	s.Set("k", 2)
	rig.WantErr(t, s.Commit(context.Background()), session.ErrLockLost)
}
