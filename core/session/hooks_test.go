package session_test

import (
	"context"
	"slices"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// Each saved session has one OnStart, before it is written, and what that sets
// is saved.
func TestOnStart(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, f := r.newClient(), &faults{}
		client.AddHook(f)
		started := 0
		m := r.managerOn(client, session.Options{Hooks: session.Hooks{
			OnStart: func(_ context.Context, s *session.Session) {
				started++
				s.Set("started", true)
			},
		}})
		commit(t, begin(t, m, "", session.Exclusive))
		s := begin(t, m, "", session.ReadOnly)
		commit(t, s)
		if started != 0 {
			t.Error("called for a session that was not saved")
		}
		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		f.then(refuse)
		if err := s.Commit(context.Background()); err == nil {
			t.Fatal("the fault did not strike")
		}
		commit(t, s)
		id := s.ID()
		if started != 1 || !get[bool](t, view(t, m, id), "started") {
			t.Errorf("called %d times", started)
		}
		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		commit(t, s)
		if started != 1 {
			t.Error("called for a rotation")
		}
	})
}

func TestFieldHooks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, f := r.newClient(), &faults{}
		client.AddHook(f)
		var c changes
		m := r.managerOn(client, session.Options{Hooks: c.hooks()})
		id := saved(t, m, "b", 1, "a", 2)
		if !slices.Equal(c.set, []string{"a", "b"}) {
			t.Errorf("set %v", c.set)
		}
		c = changes{}
		s := begin(t, m, id, session.Exclusive)
		s.Delete("a")
		f.then(refuse)
		_ = s.Commit(context.Background())
		if c.set != nil || c.deleted != nil {
			t.Error("called for a commit that failed")
		}
		commit(t, s)
		c.want(t, "delete", "", "a")
	})
}

func TestStats(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		id := saved(t, m)
		commit(t, begin(t, m, id, session.Exclusive))
		begin(t, m, id, session.Exclusive).Rollback(ctx)
		s := begin(t, m, id, session.Exclusive)
		s.Abandon()
		commit(t, s)
		if !begin(t, m, id, session.ReadOnly).Detached() {
			t.Error("not retired")
		}
		_ = m.End(ctx, saved(t, m))
		want := session.Stats{Begun: 6, Created: 2, Committed: 4, RolledBack: 1, Ended: 2, Detached: 1}
		if got := m.Stats(); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}
