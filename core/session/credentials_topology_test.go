//go:build testall

package session_test

import (
	"testing"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// The password changes under load at all nodes of a cluster, and at a master that Sentinels watch.
func TestPasswordChangesOnTopologies(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	node := redistest.Options{ACL: rotatingUsers}
	for name, start := range map[string]func(t *testing.T) (session.Config, []*redistest.Server){
		"cluster": func(t *testing.T) (session.Config, []*redistest.Server) {
			c, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Node: node, FailAfter: support.Patient})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Stop() })
			return session.Config{Addrs: c.Addrs(), Cluster: true}, c.Nodes()
		},
		"sentinel": func(t *testing.T) (session.Config, []*redistest.Server) {
			s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{Node: node, FailAfter: support.Patient})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop() })
			return session.Config{Addrs: s.SentinelAddrs(), MasterName: s.MasterName()}, s.Nodes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, nodes := start(t)
			passwordChanges(t, config, "berth", newAdmins(t, nodes...), resetpass)
		})
	}
}
