package session_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/berthgo/berth/core/session"
)

// node is a node of a cluster that answers every script in the same way.
type node struct {
	*server.Server
	scripts atomic.Int64
}

// startNode starts a node which says that owner, or itself if nil, has all slots.
func startNode(t *testing.T, owner *node, answer func(p *server.Peer)) *node {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	n := &node{Server: s}
	if owner == nil {
		owner = n
	}
	script := func(p *server.Peer, _ string, _ []string) {
		n.scripts.Add(1)
		answer(p)
	}
	for name, f := range map[string]server.Cmd{
		"EVAL": script, "EVALSHA": script,
		"ASKING": func(p *server.Peer, _ string, _ []string) { p.WriteOK() },
		"CLUSTER": func(p *server.Peer, _ string, _ []string) {
			p.WriteLen(1)
			p.WriteLen(3)
			p.WriteInt(0)
			p.WriteInt(16383)
			p.WriteLen(2)
			p.WriteBulk("127.0.0.1")
			p.WriteInt(owner.Addr().Port)
		},
	} {
		if err := s.Register(name, f); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// The client of a cluster follows redirections, but what failed is left to
// RetryTimeout.
func TestClusterClientTriesOnce(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(p *server.Peer){
		"down":       func(p *server.Peer) { p.WriteError("CLUSTERDOWN The cluster is down") },
		"try again":  func(p *server.Peer) { p.WriteError("TRYAGAIN Multiple keys request during rehashing of slot") },
		"read only":  func(p *server.Peer) { p.WriteError("READONLY You can't write against a read only replica.") },
		"loading":    func(p *server.Peer) { p.WriteError("LOADING Redis is loading the dataset in memory") },
		"connection": func(p *server.Peer) { p.Close() },
		"silence":    func(p *server.Peer) { time.Sleep(500 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := startNode(t, nil, answer)
			port := strconv.Itoa(target.Addr().Port)
			moved := startNode(t, nil, func(p *server.Peer) { p.WriteError("MOVED 1 127.0.0.1:" + port) })
			asked := startNode(t, nil, func(p *server.Peer) { p.WriteError("ASK 1 127.0.0.1:" + port) })
			// Connections that break could have been dead before, as many as are idle.
			var again int64
			if name == "connection" {
				again = 2
			}
			for _, c := range []struct {
				first *node
				retry time.Duration
				want  int64 // scripts that the target gets
			}{{target, 0, 1}, {moved, 0, 1}, {asked, 0, 1}, {target, 10 * time.Millisecond, 2}} {
				m := mustOpen(t, session.Config{
					URL: fmt.Sprintf("redis+cluster://127.0.0.1:%d", c.first.Addr().Port), OperationTimeout: 300 * time.Millisecond,
				}, session.Options{RetryTimeout: c.retry})
				before := target.scripts.Load()
				if _, err := m.Begin(t.Context(), session.NewID(), session.ReadOnly); err == nil || strings.Contains(err.Error(), "a call to a node") {
					t.Errorf("begun with %v", err)
				}
				if got := target.scripts.Load() - before; got < c.want+min(again, 1) || got > c.want+again {
					t.Errorf("%d scripts with RetryTimeout %v, want %d", got, c.retry, c.want)
				}
			}
			if m, a := moved.scripts.Load(), asked.scripts.Load(); max(m, a) > 1+again || min(m, a) < 1 {
				t.Errorf("redirected %d and %d times, want once each", m, a)
			}
		})
	}
}
