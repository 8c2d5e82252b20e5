package ends_test

import (
	"context"
	"errors"
	"testing"
	"time"

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
