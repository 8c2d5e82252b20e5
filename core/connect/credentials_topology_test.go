//go:build testall

package connect_test

import (
	"testing"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/redistest"
)

// Every node of a cluster is greeted with what Credentials returns.
func TestCredentialsOnACluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Node: redistest.Options{Password: "key"}})
	stopLater(t, cluster, err)
	addrs := cluster.Addrs()
	function, calls := asked("", "key")
	works(t, connect.Config{Addrs: addrs, Cluster: true, Credentials: function})
	works(t, connect.Config{URL: "redis+cluster://" + addrs[0], Credentials: function})
	if n := calls.Load(); n < 6 {
		t.Errorf("asked %d times for three nodes, twice", n)
	}
	const secret = "tellnobody"
	function, _ = asked("", secret)
	tells(t, newClient(t, connect.Config{Addrs: addrs, Cluster: true, Credentials: function}).Ping(t.Context()).Err(),
		"127.0.0.1:", "that is set as Credentials", secret)
}

// Credentials are for the master alone: Sentinels have a password of their own, or none.
func TestCredentialsWithSentinels(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	for _, password := range []string{"", "sentinelkey"} {
		s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{Password: password, Node: redistest.Options{Password: "key"}})
		stopLater(t, s, err)
		function, calls := asked("", "key")
		works(t, connect.Config{Addrs: s.SentinelAddrs(), MasterName: s.MasterName(), SentinelPassword: password, Credentials: function})
		if n := calls.Load(); n != 1 {
			t.Errorf("asked %d times for one connection to the master", n)
		}
	}
}
