package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A process that died while it was waiting, or was handed a lease, does not
// keep it from others for long.
func TestDeadWaiter(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		dead := strings.Repeat("d", 28)
		if err := r.Client.Set(ctx, r.Key(id, "Waiters"), dead, 2*time.Second).Err(); err != nil {
			t.Fatal(err)
		}
		got := r.Waiter(b, id)
		time.Sleep(time.Second)
		start := time.Now()
		commit(t, holder)
		commit(t, got())
		if took := time.Since(start); took > 750*time.Millisecond {
			t.Errorf("free after %v", took)
		}
		if keys := r.Keys(); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

func TestLockWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var told error
		m := r.Manager(session.Options{LockWait: 3 * time.Second, Hooks: session.Hooks{
			OnLockNotAcquired: func(_ context.Context, err error) { told = err },
		}})
		other := r.Manager(session.Options{})
		id := saved(t, m)
		for name, holder := range map[string]*session.Manager{"this process": m, "another": other} {
			s := begin(t, holder, id, session.Exclusive)
			told = nil
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
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
			commit(t, s)
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
	inBubble(t, func(t *testing.T, r *rig) {
		m, other := r.Manager(session.Options{LockWait: -1}), r.Manager(session.Options{})
		id := saved(t, m)
		for _, holder := range []*session.Manager{m, other} {
			s := begin(t, holder, id, session.Exclusive)
			start := time.Now()
			_, err := m.Begin(context.Background(), id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
			if took := time.Since(start); took != 0 {
				t.Errorf("waited %v", took)
			}
			if r.Exists(r.Key(id, "Waiters")) {
				t.Error("stands in the queue")
			}
			commit(t, s)
		}
		commit(t, begin(t, m, id, session.Exclusive))
	})
}

func TestMaxWaiters(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxWaiters: 3})
		id, free := saved(t, m), saved(t, m)
		holder := begin(t, m, id, session.Exclusive)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { commit(t, begin(t, m, id, session.Exclusive)) })
		}
		synctest.Wait()
		start := time.Now()
		_, err := m.Begin(context.Background(), id, session.Exclusive)
		var timeout *session.LockTimeoutError
		if !errors.As(err, &timeout) || !timeout.Full || time.Since(start) != 0 {
			t.Errorf("the fourth waiter: %v", err)
		}
		commit(t, begin(t, m, free, session.Exclusive))
		commit(t, holder)
		wg.Wait()
	})
}

// A request that goes away leaves the queue, and nothing behind.
func TestCancelledWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		for _, m := range []*session.Manager{a, b} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, context.DeadlineExceeded)
			if took := time.Since(start); took != time.Second {
				t.Errorf("waited %v", took)
			}
			cancel()
		}
		synctest.Wait()
		if r.Exists(r.Key(id, "Waiters")) {
			t.Error("still in the queue")
		}
		commit(t, holder)
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was handed to nobody")
		}
		commit(t, begin(t, b, id, session.Exclusive))
	})
}

// A begin whose reply is lost for good leaves no lease behind.
func TestFailedBeginLeavesNoLease(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		id := saved(t, m)
		f.Then(lose)
		if _, err := m.Begin(context.Background(), id, session.Exclusive); err == nil {
			t.Fatal("the reply was not lost")
		}
		synctest.Wait()
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was left behind")
		}
		commit(t, begin(t, m, id, session.Exclusive))
	})
}

// Those that wait for a session that is ended, or rotated, are told at once.
func TestWaitersOfAnEndedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		for name, end := range map[string]func(s *session.Session){
			"abandoned": func(s *session.Session) { s.Abandon() },
			"rotated":   func(s *session.Session) { s.Rotate() },
		} {
			id := saved(t, a)
			holder := begin(t, a, id, session.Exclusive)
			var wg sync.WaitGroup
			for _, m := range []*session.Manager{a, a, b, b} {
				wg.Go(func() {
					s := begin(t, m, id, session.Exclusive)
					if !s.Detached() {
						t.Errorf("%s: not detached", name)
					}
					commit(t, s)
				})
			}
			time.Sleep(time.Second)
			end(holder)
			start := time.Now()
			commit(t, holder)
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
