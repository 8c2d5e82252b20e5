package connect_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
)

// ways are the kinds of client, each for a server on this machine.
var ways = map[string]func(c *connect.Config){
	"server":   func(*connect.Config) {},
	"cluster":  func(c *connect.Config) { c.Cluster = true },
	"sentinel": func(c *connect.Config) { c.MasterName = "main" },
}

// onEachWay runs a test with a Config for each kind of client.
func onEachWay(t *testing.T, test func(t *testing.T, c connect.Config)) {
	t.Parallel()
	for name, set := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c connect.Config
			set(&c)
			test(t, c)
		})
	}
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// A client sends a command once, whatever the answer. TestClusterClientTriesOnce does the
// same for clusters.
func TestFailedCommandIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, answer := range faults {
		for _, way := range []string{"server", "sentinel"} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				f := startFake(t, nil, answer)
				c := connect.Config{Port: f.port, OperationTimeout: 300 * time.Millisecond}
				ways[way](&c)
				if err := newClient(t, c).Eval(t.Context(), "return 1", []string{"key"}).Err(); err == nil {
					t.Error("does not fail")
				}
				if n := f.scripts.Load(); n != 1 {
					t.Errorf("sent %d times, want once", n)
				}
			})
		}
	}
}

// A client dials once for a command. To see that, the server accepts, and hangs up
// before TLS is set up, which is a part of dialing.
func TestFailedDialIsTriedOnce(t *testing.T) {
	onEachWay(t, func(t *testing.T, c connect.Config) {
		var dials atomic.Int64
		c.SSL = true
		c.Port = listen(t, func(conn net.Conn) {
			dials.Add(1)
			_ = conn.Close()
		})
		if err := newClient(t, c).Ping(t.Context()).Err(); err == nil {
			t.Error("answers")
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("dialed %d times, want once", n)
		}
	})
}

// The server accepts and never answers, so TLS is never set up.
func TestConnectionTimeout(t *testing.T) {
	onEachWay(t, func(t *testing.T, c connect.Config) {
		c.SSL, c.Port = true, listen(t, nil)
		c.ConnectionTimeout, c.OperationTimeout = 50*time.Millisecond, time.Minute
		start := time.Now()
		if err := newClient(t, c).Ping(t.Context()).Err(); !timedOut(err) {
			t.Errorf("ends with %v", err)
		}
		if took := time.Since(start); took < 50*time.Millisecond || took > 4*time.Second { // go-redis has 5 seconds
			t.Errorf("took %v", took)
		}
	})
}

// A call does not wait longer than OperationTimeout for a free connection.
func TestPoolTimeout(t *testing.T) {
	t.Parallel()
	f := startFake(t, nil, func(p *server.Peer) { p.WriteOK() })
	client := newClient(t, connect.Config{Port: f.port, OperationTimeout: 500 * time.Millisecond}).(*redis.Client)
	for range client.Options().PoolSize {
		conn := client.Conn()
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Ping(t.Context()).Err(); !errors.Is(err, redis.ErrPoolTimeout) {
		t.Errorf("without a free connection the call ends with %v", err)
	}
}

// limits are what a client was told about time and retries.
type limits struct {
	dial, read, write, pool   time.Duration
	maxRetries, dialerRetries int
	contexts                  bool
}

// TestPoolTimeout cannot tell a limit from one that is longer. So this test reads the options.
func TestLimitsOfClient(t *testing.T) {
	onEachWay(t, func(t *testing.T, c connect.Config) {
		c.ConnectionTimeout, c.OperationTimeout = 3*time.Second, 7*time.Second
		var got limits
		switch client := newClient(t, c).(type) {
		case *redis.Client:
			o := client.Options()
			got = limits{o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled}
		case *redis.ClusterClient:
			o := client.Options()
			got = limits{o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled}
		default:
			t.Fatalf("a %T", client)
		}
		want := limits{3 * time.Second, 7 * time.Second, 7 * time.Second, 7 * time.Second, 0, 1, true}
		if c.Cluster { // there, none is -1
			want.maxRetries = -1
		}
		if got != want {
			t.Errorf("the client has %+v, want %+v", got, want)
		}
	})
}

// No client tells its name and version: where that is not allowed, each new connection would fill
// the log of the server. It greets with HELLO, and says nothing else of itself.
func TestClientDoesNotIntroduceItself(t *testing.T) {
	onEachWay(t, func(t *testing.T, c connect.Config) {
		f := startFake(t, nil, func(p *server.Peer) { p.WriteInt(1) })
		var mu sync.Mutex
		var sent []string
		f.server.SetPreHook(func(_ *server.Peer, name string, args ...string) bool {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, strings.ToUpper(name))
			return false
		})
		c.Port = f.port
		if err := newClient(t, c).Eval(t.Context(), "return 1", []string{"key"}).Err(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(sent, "HELLO") || slices.Contains(sent, "CLIENT") {
			t.Errorf("sent %v", sent)
		}
	})
}
