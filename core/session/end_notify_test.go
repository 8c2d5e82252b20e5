package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

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
func endsAtOnce(t *testing.T, m *session.Manager, h *endings) {
	t.Helper()
	s := begin(t, m, "", session.Exclusive)
	s.Set("n", 1)
	s.SetTimeout(100 * time.Millisecond)
	commit(t, s)
	until(t, "the end is handled", func() bool { return h.Times()[s.Handle()] == 1 })
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
			server, r := withServer(t, "--notify-keyspace-events", c.flags)
			r.Reach.DB = c.db
			look := r.Client.(*redis.Client)
			flags := func() string {
				return look.ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]
			}
			m := r.Manager(unswept(c.turnOn))
			var h endings
			handleEnds(t, m, h.Handle)
			until(t, "HandleEnd has subscribed", func() bool { return bothForms(look) })
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
			until(t, "HandleEnd has subscribed again", func() bool { return bothForms(look) })
			endsAtOnce(t, m, &h)
		})
	}
}
