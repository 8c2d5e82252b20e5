package session_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// startRedis starts a server of the test's own.
func startRedis(t *testing.T, o redistest.Options) *redistest.Server {
	t.Helper()
	redistest.NeedServer(t)
	s, err := redistest.Start(t.Context(), o)
	if errors.Is(err, redistest.ErrNoTLS) {
		t.Skip(err)
	}
	return stopLater(t, s, err)
}

func stopLater[S interface{ Stop() error }](t *testing.T, s S, err error) S {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustOpen(t *testing.T, c session.Config, o session.Options) *session.Manager {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	m, err := session.Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// works saves a session and reads it.
func works(t *testing.T, c session.Config) {
	t.Helper()
	m := mustOpen(t, c, session.Options{})
	id := saved(t, m, "n", 1)
	s := begin(t, m, id, session.Exclusive)
	s.Set("n", get[int](t, s, "n")+1)
	commit(t, s)
	if n := get[int](t, view(t, m, id), "n"); n != 2 {
		t.Errorf("n is %d, want 2", n)
	}
}

func wrongPassword(t *testing.T, c session.Config) {
	t.Helper()
	const secret = "tellnobody"
	c.AccessKey = secret
	_, err := mustOpen(t, c, session.Options{}).Begin(t.Context(), session.NewID(), session.ReadOnly)
	var op *session.OpError
	if !errors.As(err, &op) || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), secret) {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestOpenWithPassword(t *testing.T) {
	t.Parallel()
	const password = "k/e?y#%:@=x"
	s := startRedis(t, redistest.Options{Password: password})
	works(t, session.Config{Port: s.Port(), AccessKey: password, DatabaseID: 3})
	works(t, session.Config{URL: s.URL()})
	works(t, session.Config{URL: "redis://" + s.Addr(), AccessKey: password})
	works(t, session.Config{URL: s.Addr() + ",password=" + password + ",defaultDatabase=2,connectTimeout=1000,abortConnect=False"})
	wrongPassword(t, session.Config{Port: s.Port()})

	client := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: password, DB: 2})
	t.Cleanup(func() { _ = client.Close() })
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Errorf("nothing is in database 2: %v", err)
	}
}

func TestOpenAsUser(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{ACL: []string{"user default off", "user berth on >key ~* &* +@all"}})
	works(t, session.Config{Port: s.Port(), Username: "berth", AccessKey: "key"})
	works(t, session.Config{URL: s.URLFor("berth", "key")})
	works(t, session.Config{URL: s.Addr() + ",user=berth,password=key"})
	wrongPassword(t, session.Config{Port: s.Port(), Username: "berth"})
}

func TestOpenUnixSocket(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{UnixSocket: true, Password: "key"})
	works(t, session.Config{Socket: s.Socket(), AccessKey: "key", DatabaseID: 1})
	works(t, session.Config{URL: s.URL()})
	works(t, session.Config{URL: "!" + s.Socket() + ",password=key"})
}

func TestOpenTLS(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{TLS: redistest.MutualTLS})
	port, files := s.Port(), s.Certificates()
	text := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	c := session.Config{Port: port, SSL: true, CACert: files.CAFile, ClientCert: files.ClientCertFile, ClientKey: files.ClientKeyFile}
	works(t, c)
	works(t, session.Config{Port: port, SSL: true, CACert: text(files.CAFile), ClientCert: text(files.ClientCertFile), ClientKey: text(files.ClientKeyFile)})

	beside := c
	beside.Port, beside.SSL, beside.URL = 0, false, "rediss://localhost:"+strconv.Itoa(port)
	works(t, beside)
	beside.URL = s.Addr() + ",ssl=True,sslHost=localhost"
	works(t, beside)

	for name, change := range map[string]func(*session.Config){
		"an unknown authority":  func(c *session.Config) { c.CACert = "" },
		"another name":          func(c *session.Config) { c.ServerName = "redis.test" },
		"no client certificate": func(c *session.Config) { c.ClientCert, c.ClientKey = "", "" },
		"no TLS":                func(c *session.Config) { *c = session.Config{Port: c.Port} },
	} {
		other := c
		change(&other)
		if _, err := mustOpen(t, other, session.Options{}).Begin(t.Context(), session.NewID(), session.ReadOnly); err == nil {
			t.Errorf("works with %s", name)
		}
	}
}

func TestOpenCluster(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Node: redistest.Options{Password: "key"}})
	stopLater(t, cluster, err)
	addrs := cluster.Addrs()
	works(t, session.Config{Addrs: addrs, Cluster: true, AccessKey: "key"})
	works(t, session.Config{URL: "redis+cluster://:key@" + addrs[0]})
	works(t, session.Config{URL: strings.Join(addrs, ",") + ",password=key"})
}

// When a master dies, its replica is found, although no call is tried again.
func TestOpenClusterFailover(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1})
	stopLater(t, cluster, err)
	m := mustOpen(t, session.Config{Addrs: cluster.Addrs(), Cluster: true}, session.Options{App: "test"})
	id := saved(t, m, "n", 1)
	master, err := cluster.MasterOf(t.Context(), "{test_"+handleOf(id)+"}_Data")
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Begin(t.Context(), id, session.Exclusive); err == nil {
		t.Error("begun without a master")
	}
	if err := cluster.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the replica is asked", func() bool {
		s, err := m.Begin(t.Context(), id, session.Exclusive)
		if err != nil {
			return false
		}
		s.Rollback(t.Context())
		return true
	})
}

func TestOpenSentinel(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{
		Replicas: 1, Password: "sentinelkey", Node: redistest.Options{Password: "key"},
	})
	stopLater(t, s, err)
	addrs := s.SentinelAddrs()
	works(t, session.Config{Addrs: addrs, MasterName: s.MasterName(), AccessKey: "key", SentinelPassword: "sentinelkey", DatabaseID: 1})
	works(t, session.Config{URL: "redis+sentinel://:key@" + strings.Join(addrs, ",") + "/" + s.MasterName() + "/1?sentinel_password=sentinelkey"})
	works(t, session.Config{URL: strings.Join(addrs, ",") + ",password=key,serviceName=" + s.MasterName(), SentinelPassword: "sentinelkey"})
}

// Open talks to nothing, so that a program starts while Redis is down.
func TestOpenWithoutRedis(t *testing.T) {
	t.Parallel()
	for _, c := range []session.Config{
		{Port: 1}, {Port: 1, Cluster: true}, {Port: 1, MasterName: "main"}, {Socket: "/nothing/there"},
	} {
		m := mustOpen(t, c, session.Options{})
		if _, err := m.Begin(t.Context(), session.NewID(), session.Exclusive); err == nil {
			t.Errorf("%s: begun", c)
		}
		if err := m.Close(); err != nil {
			t.Errorf("%s: Close: %v", c, err)
		}
	}
}

func TestCloseClosesOwnedClient(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{})
	watcher := redis.NewClient(&redis.Options{Addr: s.Addr(), PoolSize: 1})
	t.Cleanup(func() { _ = watcher.Close() })
	connections := func() int {
		list, err := watcher.ClientList(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(list, "\n")
	}
	m := mustOpen(t, session.Config{Port: s.Port()}, session.Options{})
	saved(t, m)
	if n := connections(); n != 2 {
		t.Fatalf("%d connections, want the manager's and this test's", n)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	until(t, "the connection of the manager is gone", func() bool { return connections() == 1 })
}

// A server that accepts and says nothing: OperationTimeout ends the call, and the
// context does so earlier.
func TestOperationTimeout(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{})
	m := mustOpen(t, session.Config{Port: s.Port(), OperationTimeout: 200 * time.Millisecond}, session.Options{})
	patient := mustOpen(t, session.Config{Port: s.Port(), OperationTimeout: time.Minute}, session.Options{})
	id := saved(t, m)
	saved(t, patient)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := m.Begin(t.Context(), id, session.ReadOnly); err == nil {
		t.Error("begun")
	}
	if took := time.Since(start); took < 200*time.Millisecond || took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start = time.Now()
	if _, err := patient.Begin(ctx, id, session.ReadOnly); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context ends with %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the context took %v", took)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
}
