//go:build testall

package endtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Requests that come, and commits that are made, in the last moment of a session: it
// is alive with what they wrote, or ended without; and it ends once.
func TestLastMomentUse(t *testing.T) {
	t.Parallel()
	const rounds, requesters = 6000, 100
	const timeout = 50 * time.Millisecond
	_, s := single(t)
	s.Notifications, s.Sweep = true, 20*time.Millisecond
	client := s.client()
	t.Cleanup(func() { _ = client.Close() })
	m, err := s.manager(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })

	var mu sync.Mutex
	left := map[string]int{}    // what the last acknowledged commit left
	ended := map[string][]int{} // what ends came with
	ctx, cancel := context.WithCancel(context.Background())
	handled := make(chan error)
	go func() {
		handled <- m.HandleEnd(ctx, func(_ context.Context, e session.Ended) error {
			n, err := session.Get[int](e.Session, "n")
			if err != nil || e.Attempt != 1 {
				t.Errorf("attempt %d: %v", e.Attempt, err)
			}
			mu.Lock()
			defer mu.Unlock()
			ended[e.Handle] = append(ended[e.Handle], n)
			return nil
		})
	}()

	var outcomes [3]int // came too late, committed too late, in time
	round := func() {
		one, err := m.Begin(ctx, "", session.Exclusive)
		if err != nil {
			t.Error(err)
			return
		}
		one.Set("n", 1)
		one.SetTimeout(timeout)
		if err := one.Commit(ctx); err != nil {
			t.Error(err)
			return
		}
		id, handle, n := one.ID(), one.Handle(), 1
		access := []session.Access{session.Exclusive, session.Shared}[rand.N(2)]
		// Around the deadline: the begin, or the commit of what was begun in time.
		jitter := time.Duration(rand.NormFloat64() * float64(time.Millisecond))
		beginAt, commitAt := timeout+jitter, time.Duration(0)
		if rand.N(2) == 0 {
			beginAt, commitAt = 0, timeout+jitter
		}
		<-time.After(beginAt)
		used, err := m.Begin(ctx, id, access)
		if err != nil {
			t.Error(err)
			return
		}
		outcome := 0
		if used.IsNew() {
			used.Rollback(ctx)
		} else {
			used.Set("n", 2)
			<-time.After(commitAt)
			switch err := used.Commit(ctx); {
			case err == nil:
				n, outcome = 2, 2
			case errors.Is(err, session.ErrEnded):
				outcome = 1
			default:
				t.Error(err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		left[handle] = n
		outcomes[outcome]++
	}
	var all sync.WaitGroup
	for range requesters {
		all.Go(func() {
			for range rounds / requesters {
				round()
			}
		})
	}
	all.Wait()
	deadline := time.Now().Add(30 * time.Second)
	for {
		mu.Lock()
		missing := len(left) - len(ended)
		mu.Unlock()
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%d sessions never ended", missing)
			break
		}
		<-time.After(time.Millisecond)
	}
	cancel()
	if err := <-handled; err != nil {
		t.Error(err)
	}
	for id, ns := range ended {
		if len(ns) != 1 || ns[0] != left[id] {
			t.Errorf("ended with %v, and the last commit left %d", ns, left[id])
		}
	}
	t.Logf("%d came too late, %d committed too late, %d were in time", outcomes[0], outcomes[1], outcomes[2])
	for i, n := range outcomes {
		if n == 0 {
			t.Errorf("nothing had outcome %d", i)
		}
	}
}

// Ends that do not wait for a deadline are handled at once, also if somebody looks
// between their being announced and their happening.
func TestAbandonedIsHandledAtOnce(t *testing.T) {
	t.Parallel()
	_, s := single(t)
	s.Notifications = true
	endings := make(chan ending, 1000)
	workers := []*worker{start(t, 1, s, endings), start(t, 2, s, endings)}
	client := s.client()
	t.Cleanup(func() { _ = client.Close() })
	m, err := s.manager(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	ids, handles := make([]string, 500), make([]string, 500)
	for i := range ids {
		one, err := m.Begin(t.Context(), "", session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		one.Set("n", i)
		if err := one.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids[i], handles[i] = one.ID(), one.Handle()
	}
	started := time.Now()
	for _, id := range ids {
		one, err := m.Begin(t.Context(), id, session.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		one.Abandon()
		if err := one.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	y := collect(t, endings, handles, nil)
	for _, w := range workers {
		w.stop()
	}
	y.report(t, started)
	if longest := y.lags[len(y.lags)-1]; longest > sweep+3*time.Second {
		t.Errorf("an end waited for %v", longest)
	}
}
