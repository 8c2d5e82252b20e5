//go:build testall

package ends_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// On a cluster, every master is listened to, also one that has just become it.
func TestNotificationsOnCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1, FailAfter: rig.Patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	o := unswept(true)
	o.App, o.EndSweep, o.Logger = rig.New(t).App, 3*time.Second, slog.New(slog.DiscardHandler)
	m, err := session.Open(session.Config{URL: "redis+cluster://" + strings.Join(cluster.Addrs(), ",")}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	var h rig.Endings
	rig.HandleEnds(t, m, h.Handle)
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
	rig.Until(t, "all masters are listened to", listened)
	masters, err := cluster.Masters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Failover(t.Context(), masters[0]); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, "the new master is listened to", listened)
	for range 6 {
		endsAtOnce(t, m, &h)
	}
}
