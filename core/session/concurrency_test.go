package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// The goroutines of one handler may use its session at once.
func TestConcurrentUseOfOneSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, saved(t, m, "n", 0), session.Exclusive)
		done := make(chan struct{})
		for i := range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for j := range 100 {
					key := fmt.Sprintf("%d-%d", i, j)
					s.Set(key, j)
					s.Has(key)
					_, _ = session.Get[int](s, "n")
					_ = s.Keys()
					_ = s.Err()
					if j%2 == 1 {
						s.Delete(key)
					}
				}
			}()
		}
		for range 8 {
			<-done
		}
		commit(t, s)
		if got := view(t, m, s.ID()).Len(); got != 401 {
			t.Errorf("%d values, want 401", got)
		}
	})
}

// One Session, all of its methods at once: for the race detector, and deadlocks.
func TestMethodsAtOnce(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	m := r.Manager(session.Options{TrackEnd: true, MaxPerPrincipal: 2, Hooks: session.Hooks{
		OnStart: func(ctx context.Context, s *session.Session) { s.Set("started", true) },
		OnError: func(ctx context.Context, err error) { _ = ctx },
	}})
	for range 40 {
		id := ""
		if rand.N(2) == 0 {
			id = signIn(t, m, "ann")
		}
		s := begin(t, m, id, []session.Access{session.Exclusive, session.Shared}[rand.N(2)])
		ctx := session.NewContext(context.Background(), s)
		calls := []func(){
			func() { s.Set("a", 1) }, func() { _, _ = session.Get[int](s, "a") }, func() { s.Delete("a") }, s.Clear, s.Rotate, s.Abandon, s.Reauthenticated,
			func() { s.SetPrincipal("ann") }, func() { s.SetPrincipal("") }, func() { s.SetCompanion("c") }, func() { s.SetTimeout(time.Minute) },
			func() { _ = s.Commit(ctx) }, func() { _ = s.Finish(ctx) }, func() { s.Rollback(ctx) }, func() { headersOf(s) },
			func() { _, _, _, _ = s.ID(), s.Handle(), s.PreviousEnd(), s.Principal() }, func() { _, _ = s.Err(), s.Detached() }, func() { _ = s.Lost() },
			func() { _, _ = m.EndAll(ctx, "ann") }, func() { _, _ = s.EndOthers(ctx) }, func() { _ = m.EndHandle(ctx, s.Handle()) }, func() { _ = s.AuthenticatedAt() },
			func() { _, _ = s.Keys(), s.Len() },
		}
		var wg sync.WaitGroup
		for _, call := range calls {
			wg.Go(call)
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("deadlock")
		}
		s.Rollback(ctx)
	}
}
