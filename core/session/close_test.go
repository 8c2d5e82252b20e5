package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client := r.NewClient()
		m := r.ManagerOn(client, session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		for range 3 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly, session.None} {
			_, err := m.Begin(ctx, id, access)
			wantErr(t, err, session.ErrClosed)
		}
		wantErr(t, m.End(ctx, id), session.ErrClosed)
		wantErr(t, m.Do(ctx, "", session.Exclusive, func(*session.Session) error { return nil }), session.ErrClosed)
		// What was begun can be committed, and the client is the caller's still.
		commit(t, s)
		if n := r.HGet(id, "n"); n != "2" {
			t.Errorf("n is %s", n)
		}
		if err := client.Ping(ctx).Err(); err != nil {
			t.Errorf("the caller's client: %v", err)
		}
		if st := m.Stats(); st.Errors != 0 {
			t.Errorf("%d errors", st.Errors)
		}
	})
}

// Close ends waits, in this process and for another, and retries of them.
func TestCloseEndsWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		var wg sync.WaitGroup
		for _, m := range []*session.Manager{a, b, b} {
			wg.Go(func() {
				_, err := m.Begin(context.Background(), id, session.Exclusive)
				if !errors.Is(err, session.ErrClosed) {
					t.Errorf("a wait ended with %v", err)
				}
			})
		}
		time.Sleep(time.Second)
		start := time.Now()
		_ = b.Close()
		_ = a.Close()
		wg.Wait()
		synctest.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("the waits ended after %v", took)
		}
		if r.Exists(r.Key(id, "Waiters")) {
			t.Error("those that waited are still in the queue")
		}
		commit(t, holder)
	})
}

// Close at any moment, many times at once, under load. goleak looks for what is
// left when all tests are done.
func TestCloseUnderLoad(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		keeper := r.Manager(session.Options{})
		id := saved(t, keeper, "n", 0)
		for range 20 {
			m := r.Manager(session.Options{LockTTL: 100 * time.Millisecond})
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for {
						err := m.Do(context.Background(), id, session.Exclusive, func(s *session.Session) error {
							s.Set("n", 1)
							return nil
						})
						if errors.Is(err, session.ErrClosed) {
							return
						}
						if err != nil {
							t.Errorf("under load: %v", err)
							return
						}
					}
				})
			}
			until(t, "there is load", func() bool { return m.Stats().Committed > 3 })
			for range 3 {
				wg.Go(func() { _ = m.Close() })
			}
			wg.Wait()
		}
		increment(t, keeper, id)
	})
}

// Close ends the waiting of requests, also between two tries.
func TestCloseDuringRetry(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Minute})
		id := saved(t, m)
		for range 200 {
			f.Then(refuse)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() { _ = m.Close() })
		_, err := m.Begin(context.Background(), id, session.Exclusive)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Begin went on for %v after Close: %v", took, err)
		}
	})
}
