package lease_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A process that died while it was waiting, or was handed a lease, does not
// keep it from others for long.
func TestDeadWaiter(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, a)
		holder := rig.Begin(t, a, id, session.Exclusive)
		dead := strings.Repeat("d", 28)
		if err := r.Client.Set(ctx, r.Key(id, "Waiters"), dead, 2*time.Second).Err(); err != nil {
			t.Fatal(err)
		}
		got := r.Waiter(b, id)
		time.Sleep(time.Second)
		start := time.Now()
		rig.Commit(t, holder)
		rig.Commit(t, got())
		if took := time.Since(start); took > 750*time.Millisecond {
			t.Errorf("free after %v", took)
		}
		if keys := r.Keys(); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// Whoever ends a session that others wait for wakes the first of them.
func TestEndWakesTheFirstWaiter(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	ctx := context.Background()
	m, waiter := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := rig.Saved(t, m)
	hear := r.Client.PSubscribe(ctx, r.App+"_Wake_*")
	defer hear.Close()
	if _, err := hear.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	s := rig.Begin(t, m, id, session.Exclusive)
	done := make(chan struct{})
	go func() {
		defer close(done)
		rig.Begin(t, waiter, id, session.Exclusive).Rollback(ctx)
	}()
	rig.Until(t, "it waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
	if err := m.EndHandle(ctx, rig.HandleOf(id)); err != nil {
		t.Fatal(err)
	}
	<-done
	select {
	case <-hear.Channel():
	case <-time.After(3 * time.Second):
		t.Error("the waiter was told nothing: it found out when it looked again")
	}
	s.Rollback(ctx)
}

// The lease is handed over between the begin that queued the token and the
// waiter's Register: the message must not be lost on a waiter that is right here.
func TestHandOverBeforeRegister(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		// A first wait sets the subscription up.
		held := rig.Begin(t, other, id, session.Exclusive)
		time.AfterFunc(time.Second, func() { held.Rollback(context.Background()) })
		rig.Begin(t, m, id, session.Exclusive).Rollback(context.Background())

		held = rig.Begin(t, other, id, session.Exclusive)
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd) // busy, queued
			held.Rollback(context.Background())
			time.Sleep(time.Millisecond) // the message comes on its own connection
			return err
		})
		start := time.Now()
		s := rig.Begin(t, m, id, session.Exclusive)
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("the lease was ours after 0 ms, taken after %v", took)
		}
		s.Rollback(context.Background())
	})
}

// A begin that queued, lost its reply and then found the lease of a dead holder
// free must not stay in the queue: its own commit would hand the lease to itself.
func TestLeaseIsNotHandedToItself(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{RetryTimeout: 5 * time.Second})
		rig.WarmUp(t, m)
		id := rig.Saved(t, m, "n", 1)
		r.Client.Set(ctx, r.Key(id, "Lock"), "deadprocessdeadp0000000001", 10*time.Millisecond)
		f.Then(rig.Lose)
		s := rig.Begin(t, m, id, session.Exclusive) // second try after 20 ms
		s.Set("n", 2)
		rig.Commit(t, s)
		if r.Exists(r.Key(id, "Lock")) {
			t.Errorf("the commit gave the lease to the token it had just finished with: %s",
				r.Client.Get(ctx, r.Key(id, "Lock")).Val())
		}
	})
}

// A begin that comes late, while the same process waits or holds, does no harm.
func TestLateBeginDisturbsNobody(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: 5 * time.Second})
		other := r.Manager(session.Options{})
		id := rig.Saved(t, m, "n", 1)
		rig.WarmUpAt(t, m, id)
		var late rig.Latecomers
		f.Then(late.Hold)
		s := rig.Begin(t, m, id, session.Exclusive)
		late.Land(t, r)
		if r.Exists(r.Key(id, "Waiters")) {
			t.Error("a late begin waits for the lease of its own process")
		}
		s.Set("n", 2)
		rig.Commit(t, s)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("there is a lease left")
		}
		rig.Commit(t, rig.Begin(t, other, id, session.Exclusive))
		if n := rig.Get[int](t, rig.View(t, m, id), "n"); n != 2 {
			t.Errorf("n is %d", n)
		}
	})
}

// Waiters that give up at about the moment of the hand-over, in two processes: none
// may leave the lease behind.
func TestGiveUpAtHandOver(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, a)
		start := time.Now()
		for range 100 {
			held := rig.Begin(t, a, id, session.Exclusive)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				defer close(done)
				if s, err := b.Begin(ctx, id, session.Exclusive); err == nil {
					s.Rollback(context.Background())
				}
			}()
			rig.Until(t, "it waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
			go cancel()
			held.Rollback(context.Background())
			<-done
		}
		rig.Begin(t, a, id, session.Exclusive).Rollback(context.Background())
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
