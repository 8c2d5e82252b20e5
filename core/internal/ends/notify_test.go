package ends_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// unswept are options with which nothing but a notification finds an end in time.
func unswept(turnOn bool) session.Options {
	return session.Options{TrackEnd: true, EndSweep: 10 * time.Minute, EndRetention: time.Hour, EndNotifications: turnOn}
}

// bothForms tells whether a server has both of HandleEnd's subscriptions.
func bothForms(c *redis.Client) bool {
	return c.PubSubNumPat(context.Background()).Val() >= 2
}

// endsAtOnce lets a session expire, and waits for its end.
func endsAtOnce(t *testing.T, m *session.Manager, h *rig.Endings) {
	t.Helper()
	s := rig.Begin(t, m, "", session.Exclusive)
	s.Set("n", 1)
	s.SetTimeout(500 * time.Millisecond) // longer than a busy machine takes to save it
	rig.Commit(t, s)
	rig.Until(t, "the end is handled", func() bool { return h.Times()[s.Handle()] == 1 })
}

// Notifications come as keyspace or as keyevent, for any database; berth uses those that
// are on, and turns them on, and on again after a restart, if it is asked to.
func TestNotifications(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	for name, c := range map[string]struct {
		flags  string
		db     int
		turnOn bool
		want   string // flags in the end
	}{
		"keyspace":                   {"Kx", 0, false, "Kx"},
		"keyevent":                   {"Ex", 0, false, "Ex"},
		"keyspace, another database": {"Kx", 5, false, "Kx"},
		"keyevent, another database": {"Ex", 5, false, "Ex"},
		"all, another database":      {"AKE", 5, false, "AKE"},
		"turned on":                  {"", 0, true, "Kx"},
		"turned on beside others":    {"Eg$", 3, true, "Eg$x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, r := rig.WithServer(t, "--notify-keyspace-events", c.flags)
			r.Reach.DB = c.db
			look := r.Client.(*redis.Client)
			flags := func() string {
				return look.ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]
			}
			m := r.Manager(unswept(c.turnOn))
			var h rig.Endings
			rig.HandleEnds(t, m, h.Handle)
			rig.Until(t, "HandleEnd has subscribed", func() bool { return bothForms(look) })
			endsAtOnce(t, m, &h)
			for _, flag := range c.want {
				if !strings.ContainsRune(flags(), flag) {
					t.Errorf("the flags are %q, want %q", flags(), c.want)
				}
			}
			if len(flags()) != len(c.want) {
				t.Errorf("the flags are %q, want %q", flags(), c.want)
			}
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			rig.Until(t, "HandleEnd has subscribed again", func() bool { return bothForms(look) })
			endsAtOnce(t, m, &h)
		})
	}
}

// What expires while the subscription is broken is found when it stands again.
func TestNotificationsMissedWhileReconnecting(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t, "--notify-keyspace-events", "Kx")
	ctx := t.Context()
	look := r.Client.(*redis.Client)
	m := r.Manager(unswept(false))
	var h rig.Endings
	rig.HandleEnds(t, m, h.Handle)
	rig.Until(t, "HandleEnd has subscribed", func() bool { return bothForms(look) })
	endsAtOnce(t, m, &h) // and has looked at the index
	if err := look.Do(ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	endsAtOnce(t, m, &h) // within the quarter of a second until it subscribes again
}

// Where CONFIG and subscriptions are forbidden, notifications are not to be had; the ends
// are handled by the sweep all the same.
func TestEndsWithoutAnyPermissionToListen(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t, "--notify-keyspace-events", "KEA")
	admin := r.Client.(*redis.Client)
	deaf := []string{"-config", "-subscribe", "-psubscribe", "-ssubscribe", "-client"}
	rules := r.Rules(slices.Concat([]string{"on", ">secret", "~*", "&*", "+@all"}, deaf)...)
	if err := admin.ACLSetUser(t.Context(), "berth", rules...).Err(); err != nil {
		t.Fatal(err)
	}
	r.Reach.Username, r.Reach.Password = "berth", "secret"
	m := r.Manager(rig.Tracked(func(o *session.Options) {
		o.EndNotifications, o.EndSweep = true, 50*time.Millisecond
	}))
	var h rig.Endings
	rig.HandleEnds(t, m, h.Handle)
	for range 3 {
		endsAtOnce(t, m, &h)
	}
	rig.Until(t, "all are counted as handled", func() bool { return m.Stats().EndsHandled == 3 })
	if n := admin.PubSubNumPat(t.Context()).Val(); n != 0 {
		t.Errorf("%d subscriptions, though they are forbidden", n)
	}
}
