package rig

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// OnMini returns a rig on a miniredis of its own.
func OnMini(t *testing.T) *Rig { return onMini(t, false) }

func onMini(t *testing.T, bubble bool) *Rig {
	r := New(t)
	r.bubble = bubble
	r.Mini = miniredis.NewMiniRedis()
	r.Mini.ClockTTL(true)
	t.Cleanup(r.Mini.Close)
	clock := &clock{mini: r.Mini}
	clock.set()
	r.Dial = func(context.Context, string, string) (net.Conn, error) { return dialMini(clock) }
	r.Client = r.NewClient()
	return r
}

// clock is the time of a miniredis. It is set when something is sent, and stands still in
// between: as in Redis, no key expires in the middle of a script.
type clock struct {
	mini *miniredis.Miniredis
	mu   sync.Mutex // so that it is not set back
}

func (c *clock) set() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mini.SetTime(time.Now().UTC())
}

// dialMini returns a connection to a miniredis that takes what is written at once, as
// the network does and [net.Pipe] does not: a pipeline is written before its first
// reply is read.
func dialMini(clock *clock) (net.Conn, error) {
	conn, err := clock.mini.Dial()
	if err != nil {
		return nil, err
	}
	c := &bufferedConn{Conn: conn, clock: clock, closed: make(chan struct{}), written: make(chan []byte, 1000)}
	go c.flush()
	return c, nil
}

type bufferedConn struct {
	net.Conn
	clock   *clock
	written chan []byte
	closed  chan struct{}
	once    sync.Once
}

func (c *bufferedConn) Write(b []byte) (int, error) {
	select {
	case c.written <- bytes.Clone(b):
		return len(b), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

// flush ends when the connection is closed.
func (c *bufferedConn) flush() {
	for {
		select {
		case b := <-c.written:
			c.clock.set()
			_, _ = c.Conn.Write(b)
		case <-c.closed:
			return
		}
	}
}

func (c *bufferedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
