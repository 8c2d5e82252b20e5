package stage

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// errOff is why nobody reaches Redis while it is switched off. It is what a dialer says of a server that is down.
var errOff = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

// Dial connects to Redis.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Switch takes Redis away from this process, and gives it back: it cuts the connections, and refuses new ones.
// Others that use the same Redis notice nothing.
type Switch struct {
	mu     sync.Mutex
	off    bool
	open   map[*cuttable]struct{}
	back   *time.Timer // switches it on again
	turned func(on bool)
}

// NewSwitch returns a switch that is on.
func NewSwitch() *Switch {
	return &Switch{open: map[*cuttable]struct{}{}, turned: func(bool) {}}
}

// Dialer returns dial, with connections that the switch can cut.
func (s *Switch) Dialer(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if !s.On() {
			return nil, errOff
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.off {
			return nil, errors.Join(errOff, conn.Close())
		}
		c := &cuttable{Conn: conn, s: s}
		s.open[c] = struct{}{}
		return c, nil
	}
}

// On tells whether Redis can be reached.
func (s *Switch) On() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.off
}

// Off takes Redis away, and gives it back after d.
func (s *Switch) Off(d time.Duration) {
	s.mu.Lock()
	if s.back != nil {
		s.back.Stop()
	}
	s.back = time.AfterFunc(d, s.Back)
	s.off = true
	open := s.open
	s.open = map[*cuttable]struct{}{}
	s.mu.Unlock()
	for conn := range open {
		_ = conn.Conn.Close()
	}
	s.turned(false)
}

// Back gives Redis back.
func (s *Switch) Back() {
	s.stop()
	s.mu.Lock()
	was := s.off
	s.off = false
	s.mu.Unlock()
	if was {
		s.turned(true)
	}
}

// onTurn has f called when the switch is turned. Call it before anybody turns it.
func (s *Switch) onTurn(f func(on bool)) { s.turned = f }

// stop has Redis not given back by itself any more.
func (s *Switch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil {
		s.back.Stop()
	}
}

// cuttable is a connection that the switch may close.
type cuttable struct {
	net.Conn
	s *Switch
}

func (c *cuttable) Close() error {
	c.s.mu.Lock()
	delete(c.s.open, c)
	c.s.mu.Unlock()
	return c.Conn.Close()
}
