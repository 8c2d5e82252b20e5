package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A process that died frees its sessions within LockTTL.
func TestLeaseOfADeadProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		dead, alive := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, alive)
		begin(t, dead, id, session.Exclusive)
		time.Sleep(time.Second)
		_ = dead.Close() // renews no more
		start := time.Now()
		s := begin(t, alive, id, session.Exclusive)
		if took := time.Since(start); took > 10*time.Second+500*time.Millisecond || took < 5*time.Second {
			t.Errorf("free after %v", took)
		}
		commit(t, s)
	})
}

func TestLeaseIsRenewedUntilLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, other := r.Manager(session.Options{}), r.Manager(session.Options{LockWait: -1})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
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
		commit(t, begin(t, other, id, session.Exclusive))
		wantErr(t, s.Commit(ctx), session.ErrLockLost)
		wantErr(t, s.Err(), session.ErrLockLost)
		s.Rollback(ctx)
		if get[int](t, view(t, m, id), "n") != 1 {
			t.Error("a lost lease wrote")
		}
		if st := m.Stats(); st.LeasesLost != 1 {
			t.Errorf("%d leases were lost", st.LeasesLost)
		}
	})
}

// A commit within LockTTL after LockHold still succeeds.
func TestCommitAfterLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{LockHold: time.Second})
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Set("n", 1)
		time.Sleep(9 * time.Second)
		commit(t, s)
	})
}

// Who lost the lease writes nothing, and is told; and does
// not take the lease from whoever has it now.
func TestStaleHolderWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		for name, finish := range map[string]func(s *session.Session) error{
			"commit":   func(s *session.Session) error { s.Set("n", 2); return s.Commit(ctx) },
			"rotate":   func(s *session.Session) error { s.Rotate(); return s.Commit(ctx) },
			"rollback": func(s *session.Session) error { s.Rollback(ctx); return session.ErrLockLost },
		} {
			id := saved(t, m, "n", 1)
			stale := begin(t, m, id, session.Exclusive)
			thief := strings.Repeat("t", 28)
			if err := r.Client.Set(ctx, r.Key(id, "Lock"), thief, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if err := finish(stale); !errors.Is(err, session.ErrLockLost) {
				t.Errorf("%s: %v", name, err)
			}
			if got := r.Client.Get(ctx, r.Key(id, "Lock")).Val(); got != thief {
				t.Errorf("%s: took the lease from its holder", name)
			}
			if s := view(t, m, id); s.IsNew() || get[int](t, s, "n") != 1 {
				t.Errorf("%s: wrote", name)
			}
			if keys := r.Keys(); len(keys) > 3 { // those of the session, and at most what a rotation retired
				t.Errorf("%s: left %v", name, keys)
			}
			for _, key := range r.Keys() {
				r.Client.Del(ctx, key)
			}
		}
	})
}

func TestLostIsToldEarly(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("told after %v", took)
		}
		<-s.Lost() // closed, not sent
		if begin(t, m, id, session.ReadOnly).Lost() != nil {
			t.Error("a session without a lease can lose one")
		}
	})
}

// Renewal outlasts a fault that is shorter than the lease, and the lease counts
// as lost at the time it may have ended in Redis, not later.
func TestRenewalDuringAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		s := begin(t, m, saved(t, m), session.Exclusive)
		time.Sleep(time.Second)
		f.Then(refuse, refuse, refuse)
		time.Sleep(30 * time.Second)
		select {
		case <-s.Lost():
			t.Fatal("three failed renewals lost the lease")
		default:
		}
		for range 100 {
			f.Then(refuse)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 10*time.Second || took < 5*time.Second {
			t.Errorf("lost after %v without Redis", took)
		}
	})
}

// Short leases on a real server: renewed while held, free soon after a crash.
func TestLeaseTimesOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	o := session.Options{LockTTL: 300 * time.Millisecond}
	m, other := r.Manager(o), r.Manager(o)
	id := saved(t, m)
	s := begin(t, m, id, session.Exclusive)
	renewed := 0
	last := time.Duration(0)
	until(t, "the lease is renewed three times", func() bool {
		left := r.Client.PTTL(context.Background(), r.Key(id, "Lock")).Val()
		if left > last {
			renewed++
		}
		last = left
		return renewed > 3
	})
	_ = m.Close()
	start := time.Now()
	commit(t, begin(t, other, id, session.Exclusive))
	if took := time.Since(start); took > 800*time.Millisecond {
		t.Errorf("free after %v", took)
	}
	s.Set("k", 2)
	wantErr(t, s.Commit(context.Background()), session.ErrLockLost)
}
