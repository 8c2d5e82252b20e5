//go:build testall

package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// takeover is how long a test waits for a replica to take a dead master's place. On an idle machine
// that takes two or three seconds.
const takeover = 15 * time.Second

func setupCluster(t *testing.T, o ClusterOptions) *Cluster {
	t.Helper()
	NeedServer(t)
	began := time.Now()
	c, err := StartCluster(t.Context(), o)
	t.Logf("started in %v", time.Since(began))
	if errors.Is(err, ErrNoTLS) {
		t.Skip(err)
	}
	return mustStop(t, c, err)
}

func dialCluster(t *testing.T, o *redis.ClusterOptions) *redis.ClusterClient {
	t.Helper()
	// With its defaults, the client would ask for the new master only a minute after a master has
	// died. It would wait long for a master that is paused.
	o.ClusterStateReloadInterval, o.DialerRetries, o.ReadTimeout = 100*time.Millisecond, 1, 500*time.Millisecond
	client := redis.NewClusterClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

// masterOf is the node that owns key, checked by asking that node for it.
func masterOf(t *testing.T, c *Cluster, key string) *Server {
	t.Helper()
	m, err := c.MasterOf(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ask(t.Context(), "GET", key); err != nil {
		t.Fatal(err) // MOVED, if another node owns the key
	}
	return m
}

// mustRecover breaks something, and waits until waitReady says that all is well again.
func mustRecover(t *testing.T, what string, waitReady func(context.Context) error, breaks func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), takeover)
	defer cancel()
	began := time.Now()
	if err := breaks(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := waitReady(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("ready %v after: %s", time.Since(began), what)
}

// mustSetSoon is mustSet for a client that has not noticed yet which node has
// become the master.
func mustSetSoon(t *testing.T, client redis.UniversalClient, key string) {
	t.Helper()
	eventually(t, "SET "+key+" reaches the new master", func() bool {
		return client.Set(t.Context(), key, "v", time.Minute).Err() == nil
	})
	mustSet(t, client, key)
}

// mustBeGone checks that Stop has left nothing of a topology.
func mustBeGone(t *testing.T, f *fleet, stop func() error) {
	t.Helper()
	for range 2 {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range f.servers {
		select {
		case <-s.proc.exited:
		default:
			t.Errorf("Stop returned before %s was gone", s.Addr())
		}
		if _, err := ask(s, time.Second, "PING"); err == nil {
			t.Errorf("something still answers at %s", s.Addr())
		}
		if err := s.Restart(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("Restart after Stop: %v, want ErrStopped", err)
		}
	}
	if _, err := os.Stat(f.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary directory: %v, want it gone", err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := setupCluster(t, ClusterOptions{Replicas: 1, Node: Options{Password: "secret"}})
	ctx := t.Context()
	client := dialCluster(t, &redis.ClusterOptions{Addrs: c.Addrs(), Password: "secret"})
	keys := make([]string, 20)
	owners := map[*Server]bool{}
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
		mustSet(t, client, keys[i])
		owners[masterOf(t, c, keys[i])] = true
	}
	masters, err := c.Masters(ctx)
	if err != nil || len(masters) != 3 || len(owners) != 3 || len(c.Nodes()) != 6 {
		t.Fatalf("masters %v, %v; %d own a key; nodes %v", addrs(masters), err, len(owners), c.Addrs())
	}

	first := masterOf(t, c, keys[0])
	second, err := c.Failover(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	if got := masterOf(t, c, keys[0]); got != second || got == first {
		t.Errorf("after a failover from %s to %s the master is %s", first.Addr(), second.Addr(), got.Addr())
	}
	for _, k := range keys {
		if err := client.Get(ctx, k).Err(); err != nil {
			t.Errorf("%s after a failover: %v", k, err)
		}
	}

	mustRecover(t, "kill", c.WaitReady, second.Kill)
	if got := masterOf(t, c, keys[0]); got != first {
		t.Errorf("the master is %s, want the only replica %s", got.Addr(), first.Addr())
	}
	mustSetSoon(t, client, keys[0])
	if replicas, err := c.ReplicasOf(ctx, first); err != nil || len(replicas) != 0 {
		t.Errorf("replicas %v, %v; want the dead one left out", addrs(replicas), err)
	}
	if _, err := c.Failover(ctx, first); err == nil || !strings.Contains(err.Error(), "no replica") {
		t.Errorf("failover without a replica: %v", err)
	}

	mustRecover(t, "restart", c.WaitReady, func() error { return second.Restart(ctx) })
	if got := masterOf(t, c, keys[0]); got != first {
		t.Errorf("the master is %s, want %s as before", got.Addr(), first.Addr())
	}
	if replicas, err := c.ReplicasOf(ctx, first); err != nil || len(replicas) != 1 || replicas[0] != second {
		t.Errorf("replicas %v, %v; want the restarted node", addrs(replicas), err)
	}

	if err := first.Pause(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Failover(ctx, first); err != nil || got != second {
		t.Fatalf("failover from a paused master: %v, %v; want %s", got, err, second.Addr())
	}
	mustSetSoon(t, client, keys[0])
	mustRecover(t, "resume", c.WaitReady, first.Resume)
	if got := masterOf(t, c, keys[0]); got != second {
		t.Errorf("the master is %s, want %s", got.Addr(), second.Addr())
	}

	mustBeGone(t, c.fleet, c.Stop)
	if err := c.WaitReady(ctx); !errors.Is(err, ErrStopped) {
		t.Errorf("WaitReady after Stop: %v, want ErrStopped", err)
	}
}

// A cluster takes the same options as a server. They also hold between the nodes.
func TestClusterWithTLSAndUsers(t *testing.T) {
	t.Parallel()
	c := setupCluster(t, ClusterOptions{Masters: 1, Replicas: 1, Node: Options{
		TLS:      MutualTLS,
		Password: `p "w\d`,
		ACL:      []string{"user berth on >secret ~shop* +@all", "user default off"},
		Args:     []string{"--maxmemory", "64mb"},
	}})
	client := dialCluster(t, &redis.ClusterOptions{
		Addrs: c.Addrs(), Username: "berth", Password: "secret",
		TLSConfig: c.Nodes()[0].Certificates().Config(),
	})
	mustSet(t, client, "shop")
	if err := client.Set(t.Context(), "other", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("another key: %v, want NOPERM", err)
	}
	if got := client.ConfigGet(t.Context(), "maxmemory").Val()["maxmemory"]; got != "67108864" {
		t.Errorf("maxmemory is %s", got)
	}
	if _, err := c.Failover(t.Context(), masterOf(t, c, "shop")); err != nil {
		t.Fatal(err)
	}
	mustSetSoon(t, client, "shop")

	for _, n := range c.Nodes() {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := c.WaitReady(ctx)
	for _, want := range []string{"no node is running", c.Addrs()[1] + ", not running", "Failover election won"} {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) {
			t.Errorf("without a node: %v, want one that holds %q", err, want)
		}
	}
	if _, err := c.MasterOf(t.Context(), "shop"); err == nil {
		t.Error("without a node there is a master")
	}
}
