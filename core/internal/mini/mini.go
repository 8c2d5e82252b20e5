package mini

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Server is a miniredis without a port. It is safe for concurrent use.
type Server struct {
	*miniredis.Miniredis
	mu sync.Mutex // so that the clock is not set back
}

// New returns a server. Whoever calls it closes the server, after its clients.
func New() *Server {
	s := &Server{Miniredis: miniredis.NewMiniRedis()}
	s.ClockTTL(true)
	s.set()
	return s
}

// set sets the server's clock. It is set when something is sent, and stands still in between: as
// in Redis, no key expires in the middle of a script.
func (s *Server) set() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.SetTime(time.Now().UTC())
}

// DialContext returns a connection to the server, whatever the address. It is a Dialer of go-redis.
func (s *Server) DialContext(context.Context, string, string) (net.Conn, error) {
	conn, err := s.Dial()
	if err != nil {
		return nil, err
	}
	c := &bufferedConn{Conn: conn, server: s, closed: make(chan struct{}), written: make(chan []byte, 1000)}
	go c.flush()
	return c, nil
}
