package login_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// TestTurns sends requests at the same time, each of which counts a visit. With berth all of them
// count. With the others, of two requests that have both read the session, one overwrites the
// other.
func TestTurns(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	for _, a := range applications {
		t.Run(a.folder, func(t *testing.T) {
			t.Parallel()
			server, err := redistest.Start(t.Context(), redistest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Stop() })
			between := stand(t, server.Addr())
			b := open(t, a, between.Addr().String())
			b.sees(t, `user "", visit 1, []`)
			requests, last := 16, 18
			if !a.takesTurns {
				requests, last = 2, 3
				between.armed.Store(true)
			}
			var all sync.WaitGroup
			for range requests {
				all.Go(func() {
					w, err := b.Get(b.site.String() + "/")
					if err != nil {
						t.Error(err)
						return
					}
					defer w.Body.Close()
					if w.StatusCode != http.StatusOK {
						t.Error(w.Status)
					}
				})
			}
			all.Wait()
			b.sees(t, fmt.Sprintf(`user "", visit %d, []`, last))
		})
	}
}

// proxy stands between an application and Redis. Once it is armed, it holds a SET or SETEX back
// until two GETs were answered.
type proxy struct {
	net.Listener
	redis string
	armed atomic.Bool
	gets  atomic.Int32
	both  chan struct{} // closed after two
}

// stand starts a proxy. It stops at the end of the test.
func stand(t *testing.T, redis string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, redis: redis, both: make(chan struct{})}
	ctx := t.Context() // ends before the cleanup
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() { p.carry(ctx, client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return p
}

// carry ends when one of the two sides closes the connection, or the test is over.
func (p *proxy) carry(ctx context.Context, client net.Conn) {
	server, err := net.Dial("tcp", p.redis)
	if err != nil {
		_ = client.Close()
		return
	}
	stop := func() { _, _ = client.Close(), server.Close() }
	defer context.AfterFunc(ctx, stop)()
	var asked atomic.Bool
	var replies sync.WaitGroup
	replies.Go(func() {
		defer stop()
		pass(client, server, func([]byte) {
			if asked.Swap(false) && p.gets.Add(1) == 2 {
				close(p.both)
			}
		})
	})
	pass(server, client, func(command []byte) {
		if !p.armed.Load() {
			return
		}
		command = bytes.ToLower(command)
		if bytes.Contains(command, []byte("\r\nget\r\n")) {
			asked.Store(true)
		}
		if bytes.Contains(command, []byte("\r\nset\r\n")) || bytes.Contains(command, []byte("\r\nsetex\r\n")) {
			select {
			case <-p.both:
			case <-ctx.Done():
			}
		}
	})
	stop()
	replies.Wait()
}

// pass copies until one side is closed. It calls look before it passes on what it has read.
func pass(to io.Writer, from io.Reader, look func([]byte)) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			look(buffer[:n])
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
