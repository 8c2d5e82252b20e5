package session_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

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

// openServer starts a server of the test's own.
func openServer(t *testing.T) *redistest.Server {
	t.Helper()
	redistest.NeedServer(t)
	s, err := redistest.Start(t.Context(), redistest.Options{Password: "key"})
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

func TestOpen(t *testing.T) {
	t.Parallel()
	s := openServer(t)
	m := mustOpen(t, session.Config{Port: s.Port(), AccessKey: "key", DatabaseID: 1}, session.Options{})
	id := saved(t, m, "n", 1)
	again := begin(t, m, id, session.Exclusive)
	again.Set("n", get[int](t, again, "n")+1)
	commit(t, again)
	if n := get[int](t, view(t, m, id), "n"); n != 2 {
		t.Errorf("n is %d, want 2", n)
	}

	const secret = "tellnobody"
	_, err := mustOpen(t, session.Config{Port: s.Port(), AccessKey: secret}, session.Options{}).Begin(t.Context(), id, session.ReadOnly)
	var op *session.OpError
	if !errors.As(err, &op) || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), secret) {
		t.Errorf("with a wrong password: %v", err)
	}
}

// One error names what is wrong with both arguments of Open.
func TestOpenNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	config, options := []string{"connect: invalid config:", "Port is -1"}, []string{"session: invalid options:", "App ", "MaxBytes "}
	badConfig, badOptions := session.Config{Port: -1}, session.Options{App: "a{b", MaxBytes: -1}
	for _, c := range []struct {
		config        session.Config
		options       session.Options
		want, wantNot []string
	}{
		{badConfig, badOptions, append(config, options...), nil},
		{badConfig, session.Options{}, config, options},
		{session.Config{}, badOptions, options, config},
	} {
		_, err := session.Open(c.config, c.options)
		if err == nil {
			t.Fatal("taken")
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in:\n%v", part, err)
			}
		}
		for _, part := range c.wantNot {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%q is in:\n%v", part, err)
			}
		}
	}
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
	s := openServer(t)
	watcher := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: "key", PoolSize: 1})
	t.Cleanup(func() { _ = watcher.Close() })
	connections := func() int {
		list, err := watcher.ClientList(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(list, "\n")
	}
	m := mustOpen(t, session.Config{Port: s.Port(), AccessKey: "key"}, session.Options{})
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

// RetryTimeout is the only schedule, also on a cluster, whose client go-redis would have
// try again on its own.
func TestOpenLeavesRetriesToRetryTimeout(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(p *server.Peer){
		"down":       func(p *server.Peer) { p.WriteError("CLUSTERDOWN The cluster is down") },
		"try again":  func(p *server.Peer) { p.WriteError("TRYAGAIN Multiple keys request during rehashing of slot") },
		"read only":  func(p *server.Peer) { p.WriteError("READONLY You can't write against a read only replica.") },
		"loading":    func(p *server.Peer) { p.WriteError("LOADING Redis is loading the dataset in memory") },
		"connection": func(p *server.Peer) { p.Close() },
		"silence":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A connection that breaks may have been dead before, so berth sends the call again
			// on others, as many as are idle.
			var again int64
			if name == "connection" {
				again = 2
			}
			for retry, want := range map[time.Duration]int64{0: 1, 10 * time.Millisecond: 2} {
				if name == "try again" { // each try also asks for one key alone
					want *= 2
				}
				port, scripts := startNode(t, answer)
				m := mustOpen(t, session.Config{Port: port, Cluster: true, OperationTimeout: 300 * time.Millisecond}, session.Options{RetryTimeout: retry})
				if _, err := m.Begin(t.Context(), session.NewID(), session.ReadOnly); err == nil {
					t.Error("begun")
				}
				if got := scripts(); got < want+min(again, 1) || got > want+again {
					t.Errorf("%d scripts with RetryTimeout %v, want %d", got, retry, want)
				}
			}
		})
	}
}

// startNode starts the only node of a cluster. It counts scripts, and answers each in the
// same way, or not at all if answer is nil.
func startNode(t *testing.T, answer func(p *server.Peer)) (port int, scripts func() int64) {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		s.Close()
	})
	var n atomic.Int64
	port = s.Addr().Port
	script := func(p *server.Peer, _ string, _ []string) {
		n.Add(1)
		if answer == nil {
			<-done
			return
		}
		answer(p)
	}
	slots := func(p *server.Peer, _ string, _ []string) {
		p.WriteLen(1)
		p.WriteLen(3)
		p.WriteInt(0)
		p.WriteInt(16383)
		p.WriteLen(2)
		p.WriteBulk("127.0.0.1")
		p.WriteInt(port)
	}
	for name, command := range map[string]server.Cmd{"EVAL": script, "EVALSHA": script, "CLUSTER": slots} {
		if err := s.Register(name, command); err != nil {
			t.Fatal(err)
		}
	}
	return port, n.Load
}
