package mini

import (
	"bytes"
	"net"
	"sync"
)

// bufferedConn takes what is written at once, as the network does and [net.Pipe] does not: a
// pipeline is written before its first reply is read.
type bufferedConn struct {
	net.Conn
	server  *Server
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
			c.server.set()
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
