package connect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
)

func onCluster(t *testing.T, f *fake) redis.UniversalClient {
	t.Helper()
	return newClient(t, connect.Config{URL: fmt.Sprintf("redis+cluster://127.0.0.1:%d", f.port), OperationTimeout: 300 * time.Millisecond})
}

// The client of a cluster follows redirections, and does not try again what failed.
func TestClusterClientTriesOnce(t *testing.T) {
	t.Parallel()
	for name, answer := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := startFake(t, nil, answer)
			moved := startFake(t, nil, func(p *server.Peer) { p.WriteError(fmt.Sprintf("MOVED 1 127.0.0.1:%d", target.port)) })
			asked := startFake(t, nil, func(p *server.Peer) { p.WriteError(fmt.Sprintf("ASK 1 127.0.0.1:%d", target.port)) })
			for _, first := range []*fake{target, moved, asked} {
				before := target.scripts.Load()
				err := onCluster(t, first).Eval(t.Context(), "return 1", []string{"key"}).Err()
				if err == nil || strings.Contains(err.Error(), "a call to a node") {
					t.Errorf("ends with %v", err)
				}
				if got := target.scripts.Load() - before; got != 1 {
					t.Errorf("%d scripts, want 1", got)
				}
			}
			if m, a := moved.scripts.Load(), asked.scripts.Load(); m != 1 || a != 1 {
				t.Errorf("redirected %d and %d times, want once each", m, a)
			}
		})
	}
}

// A failure that may mean that the slots have moved makes the client look where they are.
func TestClusterStateIsLoadedAgain(t *testing.T) {
	t.Parallel()
	for name, answer := range faults {
		if name == "try again" { // the node is the right one
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, nil, answer)
			client := onCluster(t, f)
			if err := client.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			before := f.looks.Load()
			if err := client.Eval(t.Context(), "return 1", []string{"key"}).Err(); err == nil {
				t.Error("does not fail")
			}
			until(t, "the state is loaded again", func() bool { return f.looks.Load() > before })
		})
	}
}
