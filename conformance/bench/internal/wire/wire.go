// Package wire counts what a target's Redis client sends, at the only place that all
// clients share: the connection. A proxy would count the same, but cost what it counts.
package wire

import (
	"context"
	"net"
	"sync/atomic"
)

// Counter counts for all connections that it dialled.
type Counter struct {
	trips, sent atomic.Int64
}

// Trips is how often a connection was written to after it had been read from: a command
// or a pipeline and its reply is one, however many packets it takes.
func (c *Counter) Trips() int64 { return c.trips.Load() }

// Sent is the number of bytes written.
func (c *Counter) Sent() int64 { return c.sent.Load() }

// Dial is a dialler for go-redis and redigo.
func (c *Counter) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	plain, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := plain.(*net.TCPConn)
	if !ok {
		return plain, nil
	}
	return &conn{TCPConn: tcp, counter: c}, nil
}

// conn embeds the concrete type, so that go-redis finds the same methods as without it,
// and checks the health of the connection as it always does.
type conn struct {
	*net.TCPConn
	counter *Counter
	asked   atomic.Bool
}

func (c *conn) Write(b []byte) (int, error) {
	if !c.asked.Swap(true) {
		c.counter.trips.Add(1)
	}
	n, err := c.TCPConn.Write(b)
	c.counter.sent.Add(int64(n))
	return n, err
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		c.asked.Store(false)
	}
	return n, err
}
