package lease_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Requests of one session, in one process and in several, never overwrite each other.
func TestExclusiveLosesNoUpdate(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		const processes, clients, each = 3, 8, 10
		var managers []*session.Manager
		for range processes {
			managers = append(managers, r.Manager(session.Options{}))
		}
		id := rig.Saved(t, managers[0], "n", 0)
		var wg sync.WaitGroup
		for _, m := range managers {
			for range clients {
				wg.Go(func() {
					for range each {
						rig.Increment(t, m, id)
					}
				})
			}
		}
		wg.Wait()
		if n := rig.Get[int](t, rig.View(t, managers[0], id), "n"); n != processes*clients*each {
			t.Errorf("%d of %d updates are left", n, processes*clients*each)
		}
		if keys := r.Keys(); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// In one process, waiters are served in the order they came, and only the first
// of them talks to Redis.
func TestFirstComeFirstServed(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		client, count := r.NewClient(), &rig.Trips{}
		m := r.ManagerOn(client, session.Options{})
		id := rig.Saved(t, m)
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive)) // loads the scripts
		holder := rig.Begin(t, m, id, session.Exclusive)
		var order []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := rig.Begin(t, m, id, session.Exclusive)
				order = append(order, i)
				rig.Commit(t, s)
			})
			synctest.Wait()
		}
		client.AddHook(count)
		time.Sleep(2 * time.Second)
		if n := count.N.Load(); n != 0 {
			t.Errorf("%d calls to Redis while this process holds the lease", n)
		}
		rig.Commit(t, holder)
		wg.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("served in the order %v", order)
			}
		}
		if n := count.N.Load(); n != 41 {
			t.Errorf("%d calls, want 2 a request", n)
		}
		if st := m.Stats(); st.LockWaits != 20 || st.LockWaitTime < 40*time.Second {
			t.Errorf("%d waits of %v together", st.LockWaits, st.LockWaitTime)
		}
	})
}

// Across processes a lease goes round: no process keeps it to itself.
func TestProcessesTakeTurns(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b, c := r.Manager(session.Options{}), r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, a)
		holder := rig.Begin(t, a, id, session.Exclusive)
		var order []string
		var wg sync.WaitGroup
		queue := func(name string, m *session.Manager) {
			wg.Go(func() {
				s := rig.Begin(t, m, id, session.Exclusive)
				order = append(order, name)
				time.Sleep(10 * time.Millisecond)
				rig.Commit(t, s)
			})
			synctest.Wait()
		}
		for range 3 {
			queue("b", b)
			queue("c", c)
			queue("a", a)
		}
		time.Sleep(time.Second)
		rig.Commit(t, holder)
		wg.Wait()
		if got := strings.Join(order, ""); got != "bcabcabca" {
			t.Errorf("turns went %s", got)
		}
	})
}

// Every lease is a token of its own.
func TestTokensDiffer(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		seen := map[string]bool{}
		for range 2 {
			m := r.Manager(session.Options{})
			id := rig.Saved(t, m)
			for range 100 {
				s := rig.Begin(t, m, id, session.Exclusive)
				token := r.Client.Get(context.Background(), r.Key(id, "Lock")).Val()
				if len(token) != 28 || seen[token] {
					t.Fatalf("the token %q is there twice, or has no 28 characters", token)
				}
				seen[token] = true
				rig.Commit(t, s)
			}
		}
	})
}

// A lease that others wait for is never free in between: it is handed to the first
// of them, so that nobody who comes later gets in before.
func TestReleaseHandsOver(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{LockWait: -1})
		first, second := strings.Repeat("d", 28), strings.Repeat("e", 28)
		for name, release := range map[string]func(s *session.Session){
			"commit":   func(s *session.Session) { s.Set("n", 1); rig.Commit(t, s) },
			"rollback": func(s *session.Session) { s.Rollback(ctx) },
		} {
			id := rig.Saved(t, m)
			holder := rig.Begin(t, m, id, session.Exclusive)
			if err := r.Client.Set(ctx, r.Key(id, "Waiters"), first+second, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			release(holder)
			if got := r.Client.Get(ctx, r.Key(id, "Lock")).Val(); got != first {
				t.Errorf("%s: the lease is %q's", name, got)
			}
			if got := r.Client.Get(ctx, r.Key(id, "Waiters")).Val(); got != second {
				t.Errorf("%s: in the queue is %q", name, got)
			}
			for _, suffix := range []string{"Lock", "Waiters"} {
				if ttl := r.Client.PTTL(ctx, r.Key(id, suffix)).Val(); ttl <= 0 || ttl > 2*time.Second {
					t.Errorf("%s: %s lives for %v", name, suffix, ttl)
				}
			}
			_, err := m.Begin(ctx, id, session.Exclusive)
			rig.WantErr(t, err, session.ErrLockTimeout)
		}
	})
}
