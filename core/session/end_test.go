package session_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestEveryEndIsHandled(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		o := tracked(func(o *session.Options) { o.MaxLifetime = 3 * time.Minute; o.MaxPerPrincipal = 1 })
		m := r.Manager(o)
		var h endings
		handleEnds(t, m, h.Handle)
		start := time.Now()

		expired := saved(t, m, "cart", []int{1, 2})
		s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		abandoned := s.ID()
		s.Set("n", 2)
		s.Abandon()
		commit(t, s)
		ended := saved(t, m, "n", 3)
		if err := m.End(ctx, ended); err != nil {
			t.Fatal(err)
		}
		var login []string
		for range 2 {
			s := begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann smith")
			commit(t, s)
			login = append(login, s.ID())
		}
		used := saved(t, m, "n", 4)
		for range 10 {
			time.Sleep(30 * time.Second)
			s := begin(t, m, used, session.Shared)
			s.Rollback(ctx)
		}
		time.Sleep(time.Minute)

		reasons := map[string]session.Reason{}
		for _, e := range h.List() {
			reasons[e.Handle] = e.Reason
			if e.Attempt != 1 || e.NoData || e.CreatedAt.Before(start.Truncate(time.Millisecond)) {
				t.Errorf("%v: attempt %d, no data %t, created %v", e, e.Attempt, e.NoData, e.CreatedAt)
			}
			switch e.Handle {
			case handleOf(expired):
				if got := get[[]int](t, e.Session, "cart"); !slices.Equal(got, []int{1, 2}) {
					t.Errorf("the cart is %v", got)
				}
				if got := e.LastUsed.Sub(start); got < -2*time.Millisecond || got > time.Second {
					t.Errorf("last used after %v", got)
				}
				if got := e.EndedAt.Sub(e.LastUsed); got != time.Minute {
					t.Errorf("ended %v after it was last used", got)
				}
			case handleOf(abandoned):
				if got := get[int](t, e.Session, "n"); got != 1 {
					t.Errorf("n is %d: the last commit left 1", got)
				}
			case handleOf(used):
				if got := e.EndedAt.Sub(e.CreatedAt); got != 3*time.Minute {
					t.Errorf("lived for %v", got)
				}
			case handleOf(login[0]), handleOf(login[1]):
				if e.Principal != "ann smith" || e.Session.Principal() != "ann smith" {
					t.Errorf("the principal is %q", e.Principal)
				}
			}
		}
		want := map[string]session.Reason{
			handleOf(expired): session.Expired, handleOf(abandoned): session.Abandoned, handleOf(ended): session.Operator,
			handleOf(login[0]): session.Replaced, handleOf(login[1]): session.Expired, handleOf(used): session.Outlived,
		}
		if !maps.Equal(reasons, want) {
			t.Errorf("handled %v, want %v", slices.Collect(maps.Values(reasons)), slices.Collect(maps.Values(want)))
		}
		if len(h.List()) != len(want) {
			t.Errorf("%d ends for %d sessions", len(h.List()), len(want))
		}
		if n := r.Indexed(); n != 0 {
			t.Errorf("%d are left in the index", n)
		}
		if keys := r.Keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
		stats := m.Stats()
		if stats.EndsHandled != 6 || stats.EndsRedelivered != 0 || stats.EndLagMax > 6*time.Second {
			t.Errorf("stats are %+v", stats)
		}
	})
}

// An ordinary request does not pay for TrackEnd.
func TestTrackedRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		m := r.ManagerOn(client, tracked())
		id := saved(t, m, "n", 1)
		commit(t, begin(t, m, id, session.Exclusive))
		begin(t, m, id, session.ReadOnly)
		client.AddHook(count)
		for _, c := range []struct {
			access session.Access
			want   int64
		}{{session.Exclusive, 2}, {session.ReadOnly, 1}, {session.Exclusive, 2}} {
			count.N.Store(0)
			s := begin(t, m, id, c.access)
			if c.access == session.Exclusive {
				s.Set("n", 1+get[int](t, s, "n"))
			}
			commit(t, s)
			if got := count.N.Load(); got != c.want {
				t.Errorf("%v: %d round trips, want %d", c.access, got, c.want)
			}
		}
	})
}

// Sessions that were there before TrackEnd was turned on, and managers that do not have
// it yet, while an application is being deployed.
func TestTurningTrackEndOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old := r.Manager(session.Options{Timeout: time.Minute})
		id, unused := saved(t, old, "n", 1), saved(t, old)
		m := r.Manager(tracked())
		var h endings
		handleEnds(t, m, h.Handle)
		increment(t, m, id)
		for range 5 {
			time.Sleep(50 * time.Second)
			increment(t, old, id)
			if s := begin(t, m, id, session.ReadOnly); s.IsNew() {
				t.Fatal("the session is gone")
			}
		}
		time.Sleep(2 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != handleOf(id) || get[int](t, all[0].Session, "n") != 7 {
			t.Errorf("ended: %v", all)
		}
		if s := begin(t, m, unused, session.ReadOnly); !s.IsNew() {
			t.Error("a session that was not tracked did not expire")
		}
	})
}

// Shutting down takes nothing more, and waits for what runs.
func TestShutdownOfHandleEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(tracked(func(o *session.Options) { o.EndHandlers = 2 }))
		for range 5 {
			saved(t, m)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running, most, finished int
		var mu sync.Mutex
		done := make(chan error)
		go func() {
			done <- m.HandleEnd(ctx, func(ctx context.Context, _ session.Ended) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(30 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				running--
				if ctx.Err() == nil {
					finished++
				}
				return nil
			})
		}()
		time.Sleep(70 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("HandleEnd: %v", err)
		}
		if running != 0 || most != 2 || finished != 2 || r.Indexed() != 3 {
			t.Errorf("%d run, %d at most, %d finished, %d are left", running, most, finished, r.Indexed())
		}

		go func() {
			done <- m.HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil })
		}()
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		wantErr(t, <-done, session.ErrClosed)
		wantErr(t, m.HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }), session.ErrClosed)
	})
}

func TestHandleEndNeedsTrackEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if err := r.Manager(session.Options{}).HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }); err == nil {
			t.Error("without TrackEnd there is no error")
		}
		if err := r.Manager(tracked()).HandleEnd(context.Background(), nil); err == nil {
			t.Error("without a handler there is no error")
		}
	})
}
