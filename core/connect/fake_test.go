package connect_test

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2/server"
)

// fake is a server that answers every script in the same way. It is also the only node of
// a cluster, and a Sentinel that knows itself as the master.
type fake struct {
	server  *server.Server
	port    int
	scripts atomic.Int64 // that it was sent
	looks   atomic.Int64 // at the state of the cluster
}

// startFake starts a server which says that owner, or itself if nil, has all slots. If
// answer is nil, it says nothing to a script.
func startFake(t *testing.T, owner *fake, answer func(p *server.Peer)) *fake {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return fakeOn(t, s, owner, answer)
}

// fakeOn is startFake on a server that runs already.
func fakeOn(t *testing.T, s *server.Server, owner *fake, answer func(p *server.Peer)) *fake {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		s.Close()
	})
	f := &fake{server: s, port: s.Addr().Port}
	if owner == nil {
		owner = f
	}
	script := func(p *server.Peer, _ string, _ []string) {
		f.scripts.Add(1)
		if answer == nil {
			<-done
			return
		}
		answer(p)
	}
	for name, command := range map[string]server.Cmd{
		"EVAL":   script,
		"ASKING": func(p *server.Peer, _ string, _ []string) { p.WriteOK() },
		"PING":   func(p *server.Peer, _ string, _ []string) { p.WriteInline("PONG") },
		"CLUSTER": func(p *server.Peer, _ string, _ []string) {
			f.looks.Add(1)
			p.WriteLen(1)
			p.WriteLen(3)
			p.WriteInt(0)
			p.WriteInt(16383)
			p.WriteLen(2)
			p.WriteBulk("127.0.0.1")
			p.WriteInt(owner.port)
		},
		"SENTINEL": func(p *server.Peer, _ string, args []string) {
			if args[0] != "get-master-addr-by-name" {
				p.WriteLen(0)
				return
			}
			p.WriteStrings([]string{"127.0.0.1", strconv.Itoa(owner.port)})
		},
	} {
		if err := s.Register(name, command); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// faults are answers that a client might take for a reason to try again.
var faults = map[string]func(p *server.Peer){
	"down":        func(p *server.Peer) { p.WriteError("CLUSTERDOWN The cluster is down") },
	"master down": func(p *server.Peer) { p.WriteError("MASTERDOWN Link with MASTER is down") },
	"try again":   func(p *server.Peer) { p.WriteError("TRYAGAIN Multiple keys request during rehashing of slot") },
	"read only":   func(p *server.Peer) { p.WriteError("READONLY You can't write against a read only replica.") },
	"loading":     func(p *server.Peer) { p.WriteError("LOADING Redis is loading the dataset in memory") },
	"connection":  func(p *server.Peer) { p.Close() },
	"silence":     nil,
}

// listen returns the port of a listener. Its connections are open as soon as clients
// connect, but the listener says nothing on them. Each is given to use, unless use is nil.
func listen(t *testing.T, use func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for use != nil {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			use(conn)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
