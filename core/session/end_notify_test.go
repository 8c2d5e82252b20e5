package session_test

import (
	"context"
	"log/slog"
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
	until(t, "the end is handled", func() bool { return h.ids()[s.Handle()] == 1 })
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
		"keyspace":                {"Kx", 0, false, "Kx"},
		"keyevent":                {"Ex", 0, false, "Ex"},
		"all, another database":   {"AKE", 5, false, "AKE"},
		"turned on":               {"", 0, true, "Kx"},
		"turned on beside others": {"Eg$", 3, true, "Eg$x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, r := withServer(t, "--notify-keyspace-events", c.flags)
			r.reach.DB = c.db
			look := r.client.(*redis.Client)
			flags := func() string {
				return look.ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]
			}
			m := r.manager(unswept(c.turnOn))
			var h endings
			handleEnds(t, m, h.handle)
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

// On a cluster, every master is listened to, also one that has just become it.
func TestNotificationsOnCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1, FailAfter: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	o := unswept(true)
	o.App, o.EndSweep, o.Logger = newRig(t).app, 3*time.Second, slog.New(slog.DiscardHandler)
	m, err := session.Open(session.Config{URL: "redis+cluster://" + strings.Join(cluster.Addrs(), ",")}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	var h endings
	handleEnds(t, m, h.handle)
	listened := func() bool {
		masters, err := cluster.Masters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, master := range masters {
			c := redis.NewClient(&redis.Options{Addr: master.Addr()})
			both := bothForms(c)
			_ = c.Close()
			if !both {
				return false
			}
		}
		return true
	}
	until(t, "all masters are listened to", listened)
	masters, err := cluster.Masters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Failover(t.Context(), masters[0]); err != nil {
		t.Fatal(err)
	}
	until(t, "the new master is listened to", listened)
	for range 6 {
		endsAtOnce(t, m, &h)
	}
}
