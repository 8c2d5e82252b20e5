package ends_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// SetTimeout moves the end, in both directions.
func TestEndFollowsTheTimeout(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) {
			o.Timeout = 20 * time.Minute
			o.EndRetention = time.Minute
			o.EndSweep = 30 * time.Second
		}))
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		start := time.Now()
		ids := map[string]time.Duration{}
		for _, timeout := range []time.Duration{500 * time.Millisecond, 20 * time.Second, time.Hour} {
			s := rig.Begin(t, m, rig.Saved(t, m, "n", 1), session.Exclusive)
			s.SetTimeout(timeout)
			rig.Commit(t, s)
			ids[s.Handle()] = timeout
		}
		time.Sleep(90 * time.Minute)
		for _, e := range h.List() {
			if lived := e.EndedAt.Sub(start); e.NoData || lived < ids[e.Handle]-2*time.Millisecond || lived > ids[e.Handle]+time.Second {
				t.Errorf("a session with a timeout of %v lived for %v, no data: %t", ids[e.Handle], lived, e.NoData)
			}
		}
		if len(h.List()) != 3 {
			t.Errorf("%d ends", len(h.List()))
		}
	})
}

// A shorter timeout counts even if somebody looks after the index was told of it and
// before it is committed.
func TestEndFollowsATimeoutSeenTooEarly(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared} {
		t.Run(fmt.Sprint(access), func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				o := rig.Tracked(func(o *session.Options) { o.Timeout, o.EndSweep = 20*time.Minute, 10*time.Millisecond })
				var h rig.Endings
				rig.HandleEnds(t, r.Manager(o), h.Handle)
				m, f := r.Matching(o)
				s := rig.Begin(t, m, rig.Saved(t, m, "n", 1), access)
				s.Set("n", 2)
				s.SetTimeout(50 * time.Millisecond)
				f.Arm(r.Key(s.ID(), "Data"), rig.Before(func() { time.Sleep(100 * time.Millisecond) }))
				rig.Commit(t, s)
				if !f.Done() {
					t.Fatal("the commit was not delayed")
				}
				time.Sleep(200 * time.Millisecond)
				if all := h.List(); len(all) != 1 || all[0].NoData || rig.Get[int](t, all[0].Session, "n") != 2 {
					t.Errorf("ended: %v", all)
				}
			})
		})
	}
}

// A session lives on while it is held. The commit makes its timeout count again, and its
// end is found by that, not by how long it could have been held.
func TestEndOfASessionHeldForLong(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) {
			o.Timeout, o.LockTTL, o.EndSweep = 500*time.Millisecond, time.Minute, 100*time.Millisecond
		}))
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		s := rig.Begin(t, m, rig.Saved(t, m, "n", 1), session.Exclusive)
		s.Set("n", 2)
		time.Sleep(2 * time.Second)
		rig.Commit(t, s)
		time.Sleep(5 * time.Second)
		all := h.List()
		if len(all) != 1 || all[0].NoData || rig.Get[int](t, all[0].Session, "n") != 2 {
			t.Fatalf("ended: %v", all)
		}
		if lag := m.Stats().EndLagMax; lag > 300*time.Millisecond {
			t.Errorf("found after %v, and EndSweep is 100 ms", lag)
		}
	})
}

// A commit that comes after the end of its session, and would have changed the timeout,
// does not make it end again.
func TestLateCommitIsNoSecondEnd(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared} {
		t.Run(fmt.Sprint(access), func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(rig.Tracked(func(o *session.Options) { o.Timeout = 2 * time.Minute }))
				var h rig.Endings
				rig.HandleEnds(t, m, h.Handle)
				id := rig.Saved(t, m, "n", 1)
				s := rig.Begin(t, m, id, access)
				s.SetTimeout(time.Minute)
				if err := m.End(context.Background(), id); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Second)
				if n := len(h.List()); n != 1 {
					t.Fatalf("%d ends", n)
				}
				rig.WantErr(t, s.Commit(context.Background()), session.ErrEnded)
				if n := r.Indexed(); n != 0 {
					t.Errorf("%d are back in the index", n)
				}
				time.Sleep(5 * time.Minute)
				if n := len(h.List()); n != 1 {
					t.Errorf("ended %d times", n)
				}
			})
		})
	}
}

// Nor does it delay an end that nobody has handled yet.
func TestLateCommitDelaysNoEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.Timeout = 20 * time.Minute }))
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Shared)
		s.SetTimeout(19 * time.Minute)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		rig.WantErr(t, s.Commit(context.Background()), session.ErrEnded)
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Second)
		if n := len(h.List()); n != 1 {
			t.Errorf("%d ends after two sweeps", n)
		}
	})
}

// Where the key that says that a session is alive was lost, the session has ended: not
// before that is seen, and not in the future.
func TestEndOfAnEvictedSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked())
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		id := rig.Saved(t, m, "n", 1)
		time.Sleep(50 * time.Second)
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive))
		if n := r.Client.Del(context.Background(), r.Key(id, "Timeout")).Val(); n != 1 {
			t.Fatal("there is no such key")
		}
		time.Sleep(30 * time.Second) // the index has the deadline before the last request
		all := h.List()
		if len(all) != 1 || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Fatalf("ended: %v", all)
		}
		if ahead := time.Until(all[0].EndedAt); ahead > 0 {
			t.Errorf("ended %v from now", ahead)
		}
		if lag := m.Stats().EndLag; lag < 0 {
			t.Errorf("handled %v before it ended", -lag)
		}
	})
}
