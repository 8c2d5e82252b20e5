package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// All of a session at once, by many goroutines, in two processes.
func TestTorture(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		ms := []*session.Manager{r.Manager(session.Options{LockTTL: 100 * time.Millisecond}), r.Manager(session.Options{LockTTL: 100 * time.Millisecond})}
		id := saved(t, ms[0], "m", map[string]int{})
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for range 30 {
					s, err := ms[g%2].Begin(ctx, id, session.Access(rand.N(4)))
					if err != nil {
						t.Error(err)
						return
					}
					var in sync.WaitGroup
					for i := range 6 {
						in.Go(func() {
							switch (i + rand.N(6)) % 9 {
							case 0:
								s.Set(fmt.Sprint("k", i), i)
							case 1:
								_ = s.Commit(ctx)
							case 2:
								s.Rollback(ctx)
							case 3:
								_ = s.Lost()
							case 4:
								s.Clear()
							case 5:
								_, _ = session.Get[map[string]int](s, "m")
							case 6:
								s.Keys()
								s.Len()
								_ = s.Err()
							case 7:
								_ = s.Finish(ctx)
							case 8:
								session.FromContext(session.NewContext(ctx, s)).Has("m")
							}
						})
					}
					in.Wait()
					s.Rollback(ctx)
				}
			})
		}
		wg.Wait()
	})
}

// Waiters that give up at about the moment of the hand-over, in two processes: none
// may leave the lease behind.
func TestGiveUpAtHandOver(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, a)
		start := time.Now()
		for range 100 {
			held := begin(t, a, id, session.Exclusive)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				defer close(done)
				if s, err := b.Begin(ctx, id, session.Exclusive); err == nil {
					s.Rollback(context.Background())
				}
			}()
			until(t, "it waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
			go cancel()
			held.Rollback(context.Background())
			<-done
		}
		begin(t, a, id, session.Exclusive).Rollback(context.Background())
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// An Abandon that an outage kept from happening is an error, also with FailSilently.
func TestAbandonIsNeverSilent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{FailSilently: true})
		warmUp(t, m)
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Abandon()
		f.Then(refuse)
		var failed *session.OpError
		if err := s.Commit(context.Background()); !errors.As(err, &failed) || !errors.Is(s.Err(), err) {
			t.Errorf("%v, %v", err, s.Err())
		}
	})
}

// A data key of a wrong type is an error, and leaves no lock.
func TestWrongTypes(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{LockWait: time.Second})
		id := saved(t, m)
		r.Client.Del(context.Background(), r.Key(id, "Data"))
		r.Client.Set(context.Background(), r.Key(id, "Data"), "x", 0)
		if _, err := m.Begin(context.Background(), id, session.Exclusive); err == nil {
			t.Fatal("no error")
		}
		until(t, "the lock is gone", func() bool { return !r.Exists(r.Key(id, "Lock")) })
	})
}
