package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// The steps of a [faults] plan.

// refuse fails a call before it reaches the server.
func refuse(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
	err := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	cmd.SetErr(err)
	return err
}

// lose lets a call through and drops the reply.
func lose(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	_ = next(ctx, cmd)
	cmd.SetErr(io.EOF)
	return io.EOF
}

// answers fails a call with what a server says.
func answers(text string) func(context.Context, redis.Cmder, redis.ProcessHook) error {
	return func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
		cmd.SetErr(serverError(text))
		return serverError(text)
	}
}

type serverError string

func (e serverError) Error() string { return string(e) }
func (serverError) RedisError()     {}

var _ redis.Error = serverError("")

// dropper makes connections that lose replies: the server has executed the call,
// the client sees the connection end.
type dropper struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // nil for plain connections
	// armed is the number of replies to drop.
	armed atomic.Int64
	// dropped counts them.
	dropped atomic.Int64
}

var errDropped = errors.New("connection reset, as planned")

func (d *dropper) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if d.tls != nil {
		config := d.tls.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
		conn = tls.Client(conn, config)
	}
	return &dropConn{Conn: conn, d: d}, nil
}

type dropConn struct {
	net.Conn
	d *dropper
}

func (c *dropConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.d.armed.Load() > 0 && c.d.armed.Add(-1) >= 0 {
		c.d.dropped.Add(1)
		_ = c.Close()
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errDropped}
	}
	return n, err
}
