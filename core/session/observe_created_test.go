package session_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// A message after a logout that could not be saved is no session that was created.
func TestNotCreatedAfterAbandon(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{})
		id := signIn(t, m, "ann")
		var created atomic.Int64
		defer m.Observe(session.Observer{Event: func(_ context.Context, e session.Event) {
			if e.Outcome == session.OutcomeCreated {
				created.Add(1)
			}
		}})()
		before := m.Stats().Created
		s := begin(t, m, id, session.Exclusive)
		s.Abandon()
		s.Set("goodbye", "ann")
		on.Each("goodbye", refuse)
		if err := s.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := m.Stats().Created - before; n != 0 || created.Load() != 0 {
			t.Errorf("Stats has %d created sessions more, and observers heard of %d", n, created.Load())
		}
	})
}
