//go:build testall

package endtest

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/redistest"
)

// someSessions is how many make test-all lets expire together.
const someSessions = 3000

// cluster has three masters without replicas: none takes the place of one that is away.
func cluster(t *testing.T, args ...string) (*redistest.Cluster, settings) {
	t.Helper()
	redistest.NeedServer(t)
	c, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{
		FailAfter: 30 * time.Second, Node: redistest.Options{Args: args},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return c, settings{Addrs: c.Addrs(), Cluster: true, Sweep: sweep, Handlers: handlers}
}

func TestKilledWorkerWithNotifications(t *testing.T) {
	_, s := single(t)
	s.Notifications = true
	killed(t, s)
}

func TestKilledWorkerOnCluster(t *testing.T) {
	_, s := cluster(t)
	s.Notifications = true
	killed(t, s)
}

// persistent has a server keep what it had acknowledged a second before it crashed.
var persistent = []string{"--appendonly", "yes", "--appendfsync", "everysec"}

// restarted has a server crash and come back while ends are handled.
func restarted(t *testing.T, server *redistest.Server, s settings) {
	t.Helper()
	ids, deadline := create(t, s, *sessions)
	endings := make(chan ending, 2*len(ids))
	workers := []*worker{start(t, 1, s, endings), start(t, 2, s, endings)}
	y := collect(t, endings, ids, func() {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	for _, w := range workers {
		w.stop()
	}
	y.drain(t, endings)
	y.report(t, deadline)
	if twice := len(y.lags) - len(y.by); twice > 2*(handlers+128) {
		t.Errorf("%d were handled twice, more than were under way", twice)
	}
}

func TestRestartedServer(t *testing.T) {
	server, s := single(t, persistent...)
	restarted(t, server, s)
}

func TestRestartedMaster(t *testing.T) {
	c, s := cluster(t, persistent...)
	restarted(t, c.Nodes()[1], s)
}

// Without notifications an end waits for the next sweep, with them it does not.
func TestLag(t *testing.T) {
	one := func(t *testing.T) settings { _, s := single(t); return s }
	three := func(t *testing.T) settings { _, s := cluster(t); return s }
	for name, c := range map[string]struct {
		at       func(t *testing.T) settings
		notified bool
	}{
		"without notifications":               {one, false},
		"with notifications":                  {one, true},
		"on a cluster, without notifications": {three, false},
		"on a cluster, with notifications":    {three, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.at(t)
			s.Notifications = c.notified
			if c.notified {
				s.Sweep = time.Minute
			}
			endings := make(chan ending, 100)
			w := start(t, 1, s, endings)
			ids, deadline := create(t, s, 100)
			y := collect(t, endings, ids, nil)
			w.stop()
			y.report(t, deadline)
			most := sweep + 3*time.Second // for the handling, on a busy machine
			if longest := y.lags[len(y.lags)-1]; longest > most {
				t.Errorf("an end waited for %v", longest)
			}
		})
	}
}
