package watch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// However many watch, a process has one subscription, and sends one pipeline of 256 sessions every 3 to 4
// seconds. Watchers of one session share its look.
func TestCost(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		trips := &rig.Trips{}
		client := r.NewClient()
		client.AddHook(trips)
		writer, m := r.Manager(session.Options{Timeout: time.Hour}), r.ManagerOn(client, session.Options{Timeout: time.Hour})
		var all []context.Context
		for range 300 {
			id := rig.Saved(t, writer)
			for range 2 {
				watched, stop := m.Watch(t.Context(), rig.HandleOf(id))
				defer stop()
				all = append(all, watched)
			}
		}
		time.Sleep(10 * time.Second) // the watches have begun
		before, tripsBefore := m.Stats(), trips.N.Load()
		time.Sleep(time.Minute)
		after := m.Stats()
		looks, sessions := after.WatchLooks-before.WatchLooks, after.WatchedLooks-before.WatchedLooks
		if rounds := sessions / 300; rounds < 15 || rounds > 20 || looks != 2*rounds {
			t.Errorf("in 60 seconds there were %d pipelines for %d sessions", looks, sessions)
		}
		if n := trips.N.Load() - tripsBefore; n != int64(looks) {
			t.Errorf("%d round trips for %d looks", n, looks)
		}
		if n := r.Client.PubSubNumSub(t.Context(), r.App+"_Watch").Val()[r.App+"_Watch"]; n != 1 {
			t.Errorf("%d subscriptions", n)
		}
		if after.Watches != 600 {
			t.Errorf("%d watches", after.Watches)
		}
		wantOpen(t, all...)
	})
}

// Nobody looks while nobody watches: not before the first watch, and not after the last.
func TestNobodyWatches(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: 2 * time.Hour})
		id := rig.Saved(t, m)
		if n := len(r.Client.PubSubChannels(t.Context(), "*").Val()); n != 0 {
			t.Errorf("%d channels before the first watch", n)
		}
		s := rig.View(t, m, id)
		_, stop := s.Watch(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		_, stopOther := s.Watch(ctx)
		defer stopOther()
		time.Sleep(time.Minute)
		stop()
		cancel()
		time.Sleep(time.Second)
		before := m.Stats().WatchLooks
		time.Sleep(time.Hour)
		if n := m.Stats().WatchLooks - before; before < 10 || n != 0 {
			t.Errorf("%d looks, and %d after the last watch", before, n)
		}
		again := watch(t, m, id)
		rig.WantErr(t, m.End(t.Context(), id), nil)
		wantReason(t, session.Operator, again)
	})
}

// Only what ends a session, or changes whose it is, is published: the handle, and nothing else.
func TestWhatIsPublished(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t)
	m := r.Manager(session.Options{MaxPerPrincipal: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	heard := r.Client.Subscribe(ctx, r.App+"_Watch")
	t.Cleanup(func() { _ = heard.Close() })
	if _, err := heard.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	id := rig.Saved(t, m)
	rig.SignIn(t, m, "dan")
	for range 5 {
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := rig.Begin(t, m, id, access)
			if access != session.ReadOnly {
				s.Set("k", fmt.Sprint(access))
				s.SetTimeout(time.Hour)
			}
			rig.Commit(t, s)
		}
		rig.Begin(t, m, id, session.Exclusive).Rollback(context.Background())
	}
	rig.WantErr(t, m.End(t.Context(), rig.NewID()), session.ErrUnknown)
	if n := rig.CommandCalls(r.Client.(*redis.Client))["publish"]; n != 0 {
		t.Errorf("ordinary requests have published %d times", n)
	}
	for name, c := range changes {
		id := rig.SignIn(t, m, "ann")
		c.do(t, m, id)
		rig.Until(t, name+" is heard", func() bool {
			message, err := heard.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(message.Payload) != len(rig.HandleOf(id)) {
				t.Errorf("published %d characters", len(message.Payload))
			}
			return message.Payload == rig.HandleOf(id)
		})
	}
}
