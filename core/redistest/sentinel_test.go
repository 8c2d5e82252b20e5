//go:build testall

package redistest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func setupSentinel(t *testing.T, o SentinelOptions) *Sentinel {
	t.Helper()
	NeedServer(t)
	began := time.Now()
	s, err := StartSentinel(t.Context(), o)
	t.Logf("started in %v", time.Since(began))
	if errors.Is(err, ErrNoTLS) {
		t.Skip(err)
	}
	return mustStop(t, s, err)
}

func dialSentinel(t *testing.T, s *Sentinel, o *redis.FailoverOptions) *redis.Client {
	t.Helper()
	o.MasterName, o.SentinelAddrs = s.MasterName(), s.SentinelAddrs()
	client := redis.NewFailoverClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

// master is the current one, checked by asking that node.
func master(t *testing.T, s *Sentinel) *Server {
	t.Helper()
	m, err := s.Master(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := lookAtRole(t.Context(), m); err != nil || r.role != "master" {
		t.Fatalf("%s: %+v, %v; want a master", m.Addr(), r, err)
	}
	return m
}

// mustBeReplica checks that a former master is a replica now. There is one exception: it may have
// replaced another node that a busy machine kept waiting.
func mustBeReplica(t *testing.T, s *Sentinel, n *Server) {
	t.Helper()
	if master(t, s) == n {
		t.Logf("%s is the master again", n.Addr())
		return
	}
	if r, err := lookAtRole(t.Context(), n); err != nil || r.role != "slave" {
		t.Errorf("the old master: %+v, %v; want a replica", r, err)
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := setupSentinel(t, SentinelOptions{})
	ctx := t.Context()
	if len(s.Nodes()) != 3 || len(s.Sentinels()) != 3 {
		t.Fatalf("%d nodes, %d sentinels", len(s.Nodes()), len(s.Sentinels()))
	}
	client := dialSentinel(t, s, &redis.FailoverOptions{})
	mustSet(t, client, "k")

	first := master(t, s)
	mustRecover(t, "kill", s.WaitReady, first.Kill)
	second := master(t, s)
	if second == first {
		t.Error("the master is the one that was killed")
	}
	mustSetSoon(t, client, "k")

	mustRecover(t, "restart", s.WaitReady, func() error { return first.Restart(ctx) })
	mustBeReplica(t, s, first)
	mustRecover(t, "restart of a sentinel", s.WaitReady, func() error { return s.Sentinels()[0].Restart(ctx) })

	mustBeGone(t, s.fleet, s.Stop)
	if err := s.WaitReady(ctx); !errors.Is(err, ErrStopped) {
		t.Errorf("WaitReady after Stop: %v, want ErrStopped", err)
	}
}

func TestSentinelPausedMaster(t *testing.T) {
	t.Parallel()
	s := setupSentinel(t, SentinelOptions{})
	client := dialSentinel(t, s, &redis.FailoverOptions{ReadTimeout: 500 * time.Millisecond})
	first := master(t, s)
	mustRecover(t, "pause", s.WaitReady, first.Pause)
	second := master(t, s)
	if second == first {
		t.Error("the master is the one that is paused")
	}
	mustSetSoon(t, client, "k")
	mustRecover(t, "resume", s.WaitReady, first.Resume)
	mustBeReplica(t, s, first)
}

// A failover on request, of nodes with all options of a server.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	s := setupSentinel(t, SentinelOptions{
		Replicas: 1,
		Password: `s "e\n`,
		Node: Options{
			TLS:      MutualTLS,
			Password: `p "w\d`,
			ACL:      []string{"user berth on >secret ~shop* +@all"},
		},
	})
	client := dialSentinel(t, s, &redis.FailoverOptions{
		SentinelPassword: `s "e\n`, Username: "berth", Password: "secret",
		TLSConfig: s.Nodes()[0].Certificates().Config(),
	})
	mustSet(t, client, "shop")
	first := master(t, s)
	began := time.Now()
	second, err := s.Failover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("failover took %v", time.Since(began))
	if got := master(t, s); got != second || got == first {
		t.Errorf("after a failover from %s to %s the master is %s", first.Addr(), second.Addr(), got.Addr())
	}
	mustSetSoon(t, client, "shop")
	if err := client.Set(t.Context(), "other", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("another key: %v, want NOPERM", err)
	}
}

// An error says what is wrong, and holds the end of the servers' logs.
func TestSentinelThatIsNotReady(t *testing.T) {
	t.Parallel()
	s := setupSentinel(t, SentinelOptions{Replicas: 1, Sentinels: 1, FailAfter: time.Hour})
	m := master(t, s)
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.agreed(t.Context()); err == nil || !strings.Contains(err.Error(), m.Addr()+" is not running") {
		t.Errorf("got %v, want what is wrong", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.WaitReady(ctx)
	for _, want := range []string{m.Addr() + ", not running", "+monitor master"} {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one that holds %q", err, want)
		}
	}
	if err := s.Sentinels()[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Master(t.Context()); err == nil {
		t.Error("a master without a sentinel")
	}
}
