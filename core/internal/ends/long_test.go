//go:build testall

package ends_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A rotated session has not ended.
func TestRotationIsNoEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndSweep = 10 * time.Second }))
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		s := rig.Begin(t, m, rig.Saved(t, m, "n", 1), session.Exclusive)
		s.Rotate()
		rig.Commit(t, s)
		synctest.Wait()
		if n := r.Indexed(); n != 1 {
			t.Errorf("%d in the index", n)
		}
		time.Sleep(time.Hour)
		if all := h.List(); len(all) != 1 || all[0].Handle != s.Handle() || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}

// With a shorter timeout than another request has set meanwhile, the end comes in time.
func TestEndAfterTwoTimeouts(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		var h rig.Endings
		o := rig.Tracked(func(o *session.Options) { o.Timeout, o.EndSweep = 10*time.Second, 5*time.Second })
		rig.HandleEnds(t, r.Manager(o), h.Handle)
		m := r.Manager(o)
		id := rig.Saved(t, m)
		s := rig.Begin(t, m, id, session.Exclusive)
		shared := rig.Begin(t, m, id, session.Shared)
		shared.SetTimeout(15 * time.Minute)
		rig.Commit(t, shared)
		time.Sleep(30 * time.Second) // the index is looked at
		s.SetTimeout(20 * time.Second)
		s.Set("n", 1)
		rig.Commit(t, s)
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 1 {
			t.Errorf("%d ends, five minutes after it expired", n)
		}
		time.Sleep(15 * time.Minute)
		for _, e := range h.List() {
			if e.NoData {
				t.Errorf("the end has no values: %v", e)
			}
		}
	})
}
