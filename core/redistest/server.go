package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	loopback     = "127.0.0.1"
	stopPatience = 5 * time.Second
	portAttempts = 10
)

// ErrStopped says that the server was ended with [Server.Stop].
var ErrStopped = errors.New("redistest: the server was stopped for good")

// Server is one redis-server process that listens only on 127.0.0.1. Several goroutines may call
// its methods. On Linux it dies with the process that started it, in whatever way that process
// ends. Elsewhere only [Server.Stop] ends it.
type Server struct {
	opts      config
	temporary []string // directories that Stop removes
	port      int

	mu      sync.Mutex
	proc    *process
	paused  bool
	stopped bool
}

// Start starts a server and returns when it answers PING. ctx limits that wait (30 s at most), and
// not the life of the server. An error holds the end of the server's log.
func Start(ctx context.Context, o Options) (*Server, error) {
	c, err := newConfig(o)
	if err != nil {
		return nil, err
	}
	return start(ctx, c)
}

func start(ctx context.Context, c config) (*Server, error) {
	s := &Server{opts: c, port: c.Port}
	err := s.prepare()
	if err == nil {
		err = s.runOnFreePort(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.removeTemporary())
	}
	return s, nil
}

// runOnFreePort calls run. If the port is taken, it tries other ports, unless the caller wants a
// certain port.
func (s *Server) runOnFreePort(ctx context.Context) (err error) {
	if s.opts.Port != 0 {
		return s.run(ctx)
	}
	for range portAttempts {
		if s.port, err = s.opts.pickPort(); err != nil {
			return err
		}
		if err = s.run(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// prepare makes the files and directories that the server needs.
func (s *Server) prepare() (err error) {
	o := &s.opts
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "redistest-"); err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
		s.temporary = append(s.temporary, o.Dir)
	} else if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	if o.certs == nil {
		if o.certs, err = certify(o.TLS, o.Dir); err != nil {
			return err
		}
	}
	if o.sentinel != "" {
		if err := os.WriteFile(o.sentinelFile(), []byte(o.sentinel), 0o600); err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
	}
	if o.UnixSocket {
		var own string
		if o.socket, own, err = socketPath(o.Dir); err != nil {
			return fmt.Errorf("redistest: %w", err)
		}
		if own != "" {
			s.temporary = append(s.temporary, own)
		}
	}
	return nil
}

// Addr is the server's host:port. It stays the same across Restart.
func (s *Server) Addr() string { return net.JoinHostPort(loopback, strconv.Itoa(s.port)) }

// Port is the server's TCP port. It stays the same across Restart.
func (s *Server) Port() int { return s.port }

// URL is the server's address with Options.Password if there is one: redis://…,
// rediss://… where it speaks TLS, unix://… where it has a Unix socket. What a
// client needs to trust the server is in [Server.Certificates].
func (s *Server) URL() string { return s.URLFor("", s.opts.Password) }

// URLFor is URL with the name and password of a user, such as one of
// Options.ACL.
func (s *Server) URLFor(user, password string) string {
	u := url.URL{Scheme: "redis", Host: s.Addr()}
	switch {
	case s.opts.socket != "":
		u = url.URL{Scheme: "unix", Path: s.opts.socket}
	case s.opts.certs != nil:
		u.Scheme = "rediss"
	}
	if user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Socket is the path of the server's Unix socket, empty if it has none. It is
// short enough for every system.
func (s *Server) Socket() string { return s.opts.socket }

// Certificates are the files that clients need for TLS, nil for a server without TLS.
func (s *Server) Certificates() *Certificates { return s.opts.certs }

// Stop ends the server for good. It sends SIGTERM, and after five seconds SIGKILL. Then it removes
// the temporary directory. It returns when the process is gone. It also works for a paused or a
// killed server. A second call does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	return errors.Join(s.proc.terminate(stopPatience), s.removeTemporary())
}

// Kill ends the server with SIGKILL, as a crash would, and returns when it is gone. Until Restart,
// the connections of clients are reset and new ones are refused.
func (s *Server) Kill() error {
	return s.alive(func() error { return s.proc.kill() })
}

// Pause freezes the server. Clients can still connect and send, because the kernel does that for
// the server. Nothing answers until Resume.
func (s *Server) Pause() error {
	return s.alive(func() error {
		s.paused = true // also if it is only about to stand still
		return s.proc.pause()
	})
}

// Resume lets a paused server go on. The server then answers what came in meanwhile, also from
// clients that have given up.
func (s *Server) Resume() error {
	return s.alive(func() error {
		s.paused = false
		return s.proc.resume()
	})
}

// Restart starts the server again, on the same port and directory, and returns when it answers
// PING. If the server still runs, Restart ends it first. Its keys are gone, unless Args turned
// persistence on. Its scripts, and what CONFIG SET changed, are gone in any case. After an error
// the server is down. Restart may then be called again.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if err := s.proc.terminate(stopPatience); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	return s.run(ctx)
}

func (s *Server) alive(act func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if err := act(); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	return nil
}

// up reports whether the process is there and not paused.
func (s *Server) up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.proc.exited:
		return false
	default:
		return !s.paused
	}
}

func (s *Server) removeTemporary() error {
	var errs []error
	for _, dir := range s.temporary {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}
