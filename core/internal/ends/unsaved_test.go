package ends_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A session that could not be saved has no end.
func TestNoEndOfWhatWasNeverSaved(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		var h rig.Endings
		rig.HandleEnds(t, r.Manager(rig.Tracked()), h.Handle)
		m, f := r.Matching(rig.Tracked())
		f.Each("_Data", rig.Answers("OOM command not allowed when used memory > 'maxmemory'."))
		for range 5 {
			s := rig.Begin(t, m, "", session.Exclusive)
			s.Set("n", 1)
			var failed *session.OpError
			if err := s.Commit(context.Background()); !errors.As(err, &failed) {
				t.Fatalf("error is %v", err)
			}
			s.Rollback(context.Background())
		}
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 0 || r.Indexed() != 0 {
			t.Errorf("%d ends, %d in the index", n, r.Indexed())
		}
	})
}

// A session that was certainly never saved has no end.
func TestEndOfWhatWasNeverSaved(t *testing.T) {
	for name, save := range map[string]func(t *testing.T, m *session.Manager, on *rig.Matching){
		"after Abandon": func(t *testing.T, m *session.Manager, on *rig.Matching) {
			s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
			s.Abandon()
			s.Set("goodbye", 1)
			on.Each("goodbye", rig.Answers("OOM command not allowed when used memory > 'maxmemory'."))
			rig.Commit(t, s)
			s.Rollback(context.Background())
			on.Each("", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				var h rig.Endings
				rig.HandleEnds(t, r.Manager(rig.Tracked()), h.Handle)
				m, on := r.Matching(rig.Tracked())
				save(t, m, on)
				time.Sleep(10 * time.Minute)
				for _, e := range h.List() {
					if e.NoData {
						t.Errorf("the end of %v, which was never saved", e)
					}
				}
			})
		})
	}
}

// Whoever has a clock that is ahead looks too early for a session that is about to be saved, and again too early.
// That is not its end.
func TestClockAheadOfASave(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		var h rig.Endings
		rig.HandleEnds(t, r.Manager(rig.Tracked()), h.Handle)
		m, on := r.Matching(rig.Tracked())
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		handle := s.Handle()
		s.Set("n", 1)
		on.Arm("{"+r.App+"_"+handle+"}_Data", rig.Before(func() {
			for range 3 {
				due := redis.Z{Score: float64(time.Now().UnixMilli()), Member: handle}
				for bucket := range 16 {
					r.Client.ZAddXX(ctx, fmt.Sprintf("{%s_Ends_%02d}", r.App, bucket), due)
				}
				time.Sleep(6 * time.Second) // longer than a sweep
			}
		}))
		rig.Commit(t, s)
		if !on.Done() {
			t.Fatal("it was saved before")
		}
		if err := m.EndHandle(ctx, handle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		for _, e := range h.List() {
			if e.NoData {
				t.Errorf("the end of %v, which was saved", e)
			}
		}
		if n := len(h.List()); n != 1 {
			t.Errorf("%d ends, want 1", n)
		}
	})
}

// Whoever looks for a short session before it is saved makes its end no later than the save was: it does not
// wait for the minute after which there is no session.
func TestEndLookedForBeforeTheSave(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		const timeout, slow = time.Second, 12 * time.Second
		o := rig.Tracked(func(o *session.Options) { o.EndSweep = 2 * time.Second })
		var h rig.Endings
		rig.HandleEnds(t, r.Manager(o), h.Handle)
		m, on := r.Matching(o)
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetTimeout(timeout)
		s.Set("n", 1)
		on.Arm(r.Key(s.Handle(), "Data"), rig.Before(func() { time.Sleep(slow) }))
		rig.Commit(t, s)
		if !on.Done() {
			t.Fatal("it was saved before")
		}
		if len(h.List()) != 0 {
			t.Fatal("it ended before it was saved")
		}
		time.Sleep(timeout + slow + 2*o.EndSweep)
		if all := h.List(); len(all) != 1 || all[0].NoData || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}

// So it is on a real server too.
func TestEndSeenBeforeTheSave(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) { o.EndSweep = 20 * time.Millisecond })
		var h rig.Endings
		rig.HandleEnds(t, r.Manager(o), h.Handle)
		m, on := r.Matching(o)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetTimeout(time.Millisecond)
		s.Set("n", 1)
		seen := r.Key(s.Handle(), "Ended")
		on.Arm(r.Key(s.Handle(), "Data"), rig.Before(func() {
			rig.Until(t, "somebody has looked for it", func() bool { return r.Exists(seen) })
		}))
		rig.Commit(t, s)
		if !on.Done() {
			t.Fatal("it was saved before")
		}
		rig.Until(t, "its end is handled", func() bool { return len(h.List()) > 0 })
		if all := h.List(); len(all) != 1 || all[0].NoData || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}
