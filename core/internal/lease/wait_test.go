package lease_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestLockWait(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		var told error
		m := r.Manager(session.Options{LockWait: 3 * time.Second, Hooks: session.Hooks{
			OnLockNotAcquired: func(_ context.Context, err error) { told = err },
		}})
		other := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		for name, holder := range map[string]*session.Manager{"this process": m, "another": other} {
			s := rig.Begin(t, holder, id, session.Exclusive)
			told = nil
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			rig.WantErr(t, err, session.ErrLockTimeout)
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("%s: gave up after %v", name, took)
			}
			var timeout *session.LockTimeoutError
			if !errors.As(told, &timeout) || timeout.Waited != 3*time.Second {
				t.Errorf("%s: the hook was told %v", name, told)
			}
			for _, word := range []string{"LockWait 3s", "LockTTL 10s"} {
				if !strings.Contains(told.Error(), word) {
					t.Errorf("%s: the hook was told %v", name, told)
				}
			}
			rig.Commit(t, s)
			synctest.Wait()
			if keys := r.Keys(); len(keys) != 1 {
				t.Errorf("%s: left behind: %v", name, keys)
			}
		}
		if st := m.Stats(); st.LockTimeouts != 2 || st.LockWaits != 2 || st.LockWaitTime != 6*time.Second {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestDoNotWait(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, other := r.Manager(session.Options{LockWait: -1}), r.Manager(session.Options{})
		id := rig.Saved(t, m)
		for _, holder := range []*session.Manager{m, other} {
			s := rig.Begin(t, holder, id, session.Exclusive)
			start := time.Now()
			_, err := m.Begin(context.Background(), id, session.Exclusive)
			rig.WantErr(t, err, session.ErrLockTimeout)
			if took := time.Since(start); took != 0 {
				t.Errorf("waited %v", took)
			}
			if r.Exists(r.Key(id, "Waiters")) {
				t.Error("stands in the queue")
			}
			rig.Commit(t, s)
		}
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive))
	})
}

func TestMaxWaiters(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{MaxWaiters: 3})
		id, free := rig.Saved(t, m), rig.Saved(t, m)
		holder := rig.Begin(t, m, id, session.Exclusive)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { rig.Commit(t, rig.Begin(t, m, id, session.Exclusive)) })
		}
		synctest.Wait()
		start := time.Now()
		_, err := m.Begin(context.Background(), id, session.Exclusive)
		var timeout *session.LockTimeoutError
		if !errors.As(err, &timeout) || !timeout.Full || time.Since(start) != 0 {
			t.Errorf("the fourth waiter: %v", err)
		}
		rig.Commit(t, rig.Begin(t, m, free, session.Exclusive))
		rig.Commit(t, holder)
		wg.Wait()
	})
}

// MaxWaiters 1: one waits, the second fails at once, wherever the holder is.
func TestMaxWaitersWithHolderElsewhere(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, other := r.Manager(session.Options{MaxWaiters: 1, LockWait: 5 * time.Second}), r.Manager(session.Options{})
		id := rig.Saved(t, m)
		held := rig.Begin(t, other, id, session.Exclusive)
		errs := make(chan error, 2)
		for range 2 {
			go func() { _, err := m.Begin(context.Background(), id, session.Exclusive); errs <- err }()
		}
		time.Sleep(time.Second)
		select {
		case err := <-errs:
			rig.WantErr(t, err, session.ErrLockTimeout)
		default:
			t.Error("MaxWaiters is 1, two wait")
		}
		time.Sleep(time.Minute)
		held.Rollback(context.Background())
	})
}

// A request that goes away leaves the queue, and nothing behind.
func TestCancelledWait(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, a)
		holder := rig.Begin(t, a, id, session.Exclusive)
		for _, m := range []*session.Manager{a, b} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			rig.WantErr(t, err, context.DeadlineExceeded)
			if took := time.Since(start); took != time.Second {
				t.Errorf("waited %v", took)
			}
			cancel()
		}
		synctest.Wait()
		if r.Exists(r.Key(id, "Waiters")) {
			t.Error("still in the queue")
		}
		rig.Commit(t, holder)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was handed to nobody")
		}
		rig.Commit(t, rig.Begin(t, b, id, session.Exclusive))
	})
}

// Those that wait for a session that is ended, or rotated, are told at once.
func TestWaitersOfAnEndedSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		for name, end := range map[string]func(s *session.Session){
			"abandoned": func(s *session.Session) { s.Abandon() },
			"rotated":   func(s *session.Session) { s.Rotate() },
		} {
			id := rig.Saved(t, a)
			holder := rig.Begin(t, a, id, session.Exclusive)
			var wg sync.WaitGroup
			for _, m := range []*session.Manager{a, a, b, b} {
				wg.Go(func() {
					s := rig.Begin(t, m, id, session.Exclusive)
					if !s.Detached() {
						t.Errorf("%s: not detached", name)
					}
					rig.Commit(t, s)
				})
			}
			time.Sleep(time.Second)
			end(holder)
			start := time.Now()
			rig.Commit(t, holder)
			wg.Wait()
			if took := time.Since(start); took > 250*time.Millisecond {
				t.Errorf("%s: told after %v", name, took)
			}
			for _, suffix := range []string{"Lock", "Waiters"} {
				if r.Exists(r.Key(id, suffix)) {
					t.Errorf("%s: %s was left behind", name, suffix)
				}
			}
		}
	})
}
