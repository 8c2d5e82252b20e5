package ends_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/session"
)

func TestEveryEndIsHandled(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		o := rig.Tracked(func(o *session.Options) { o.MaxLifetime = 3 * time.Minute; o.MaxPerPrincipal = 1 })
		m := r.Manager(o)
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		start := time.Now()

		expired := rig.Saved(t, m, "cart", []int{1, 2})
		s := rig.Begin(t, m, rig.Saved(t, m, "n", 1), session.Exclusive)
		abandoned := s.ID()
		s.Set("n", 2)
		s.Abandon()
		rig.Commit(t, s)
		ended := rig.Saved(t, m, "n", 3)
		if err := m.End(ctx, ended); err != nil {
			t.Fatal(err)
		}
		var login []string
		for range 2 {
			s := rig.Begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann smith")
			rig.Commit(t, s)
			login = append(login, s.ID())
		}
		used := rig.Saved(t, m, "n", 4)
		for range 10 {
			time.Sleep(30 * time.Second)
			s := rig.Begin(t, m, used, session.Shared)
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
			case rig.HandleOf(expired):
				if got := rig.Get[[]int](t, e.Session, "cart"); !slices.Equal(got, []int{1, 2}) {
					t.Errorf("the cart is %v", got)
				}
				if got := e.LastUsed.Sub(start); got < -2*time.Millisecond || got > time.Second {
					t.Errorf("last used after %v", got)
				}
				if got := e.EndedAt.Sub(e.LastUsed); got != time.Minute {
					t.Errorf("ended %v after it was last used", got)
				}
			case rig.HandleOf(abandoned):
				if got := rig.Get[int](t, e.Session, "n"); got != 1 {
					t.Errorf("n is %d: the last commit left 1", got)
				}
			case rig.HandleOf(used):
				if got := e.EndedAt.Sub(e.CreatedAt); got != 3*time.Minute {
					t.Errorf("lived for %v", got)
				}
			case rig.HandleOf(login[0]), rig.HandleOf(login[1]):
				if e.Principal != "ann smith" || e.Session.Principal() != "ann smith" {
					t.Errorf("the principal is %q", e.Principal)
				}
			}
		}
		want := map[string]session.Reason{
			rig.HandleOf(expired): session.Expired, rig.HandleOf(abandoned): session.Abandoned, rig.HandleOf(ended): session.Operator,
			rig.HandleOf(login[0]): session.Replaced, rig.HandleOf(login[1]): session.Expired, rig.HandleOf(used): session.Outlived,
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

// Sessions that were there before TrackEnd was turned on, and managers that do not have
// it yet, while an application is being deployed.
func TestTurningTrackEndOn(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		old := r.Manager(session.Options{Timeout: time.Minute})
		id, unused := rig.Saved(t, old, "n", 1), rig.Saved(t, old)
		m := r.Manager(rig.Tracked())
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		rig.Increment(t, m, id)
		for range 5 {
			time.Sleep(50 * time.Second)
			rig.Increment(t, old, id)
			if s := rig.Begin(t, m, id, session.ReadOnly); s.IsNew() {
				t.Fatal("the session is gone")
			}
		}
		time.Sleep(2 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != rig.HandleOf(id) || rig.Get[int](t, all[0].Session, "n") != 7 {
			t.Errorf("ended: %v", all)
		}
		if s := rig.Begin(t, m, unused, session.ReadOnly); !s.IsNew() {
			t.Error("a session that was not tracked did not expire")
		}
	})
}

// Shutting down takes nothing more, and waits for what runs.
func TestShutdownOfHandleEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndHandlers = 2 }))
		for range 5 {
			rig.Saved(t, m)
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
		rig.WantErr(t, <-done, session.ErrClosed)
		rig.WantErr(t, m.HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }), session.ErrClosed)
	})
}

func TestHandleEndNeedsTrackEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		if err := r.Manager(session.Options{}).HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }); err == nil {
			t.Error("without TrackEnd there is no error")
		}
		if err := r.Manager(rig.Tracked()).HandleEnd(context.Background(), nil); err == nil {
			t.Error("without a handler there is no error")
		}
	})
}

// The sweep comes however often other buckets of the index are looked at because of what ends there.
func TestSweepAmidEnds(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) { o.EndSweep = 4 * time.Second })
		m := r.Manager(o)
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetTimeout(time.Second)
		s.Set("n", 1)
		rig.Commit(t, s)
		for range 10 { // 5 seconds
			for { // one of another bucket
				other := rig.Saved(t, m, "n", 2)
				if store.Bucket(rig.HandleOf(other)) == store.Bucket(s.Handle()) {
					continue
				}
				if err := m.End(context.Background(), other); err != nil {
					t.Fatal(err)
				}
				break
			}
			time.Sleep(500 * time.Millisecond)
		}
		if h.Times()[s.Handle()] != 1 {
			t.Errorf("it expired %v ago, and its end was not handled", o.EndSweep)
		}
	})
}
