package redistest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	loopback      = "127.0.0.1"
	startTimeout  = 30 * time.Second
	stopPatience  = 5 * time.Second
	portAttempts  = 10
	pollFirst     = 2 * time.Millisecond
	pollAtMost    = 50 * time.Millisecond
	logTailLength = 2000
)

// ErrStopped is returned by what needs the server after [Server.Stop].
var ErrStopped = errors.New("redistest: the server was stopped for good")

var errPortTaken = errors.New("redistest: the port is taken")

// Options says how to start a server. The zero value is an empty server that
// keeps nothing on disk.
type Options struct {
	// Path is the redis-server binary. Defaults to the one that [Find] finds.
	Path string
	// Args are command-line arguments, such as "--maxmemory", "1mb". They come
	// last and so win over the package's own, but --port, --bind, --dir,
	// --daemonize, --logfile and --requirepass are the package's: it relies on
	// them. Defaults to none.
	Args []string
	// Dir is the working directory, where persistence files and the server's
	// log go. It must exist, and Stop keeps it. Defaults to a temporary one
	// that Stop removes.
	Dir string
	// Port is for a test that must know it beforehand; if it is taken, Start
	// fails. Defaults to a free one.
	Port int
	// Password is demanded of the default user. Defaults to none.
	Password string
}

// Server is one redis-server process that listens on 127.0.0.1 alone. Its
// methods may be called by several goroutines. On Linux it dies with the
// process that started it, however that ends; elsewhere only [Server.Stop] ends
// it.
type Server struct {
	opts    Options
	ownsDir bool
	port    int

	mu      sync.Mutex
	proc    *process
	stopped bool
}

// Start starts a server and returns when it answers PING. ctx bounds that wait
// (30 s at most), not the life of the server. An error holds the end of the
// server's log.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, freePort)
}

func start(ctx context.Context, o Options, pickPort func() (int, error)) (_ *Server, err error) {
	if o.Path == "" {
		path, ok := Find()
		if !ok {
			return nil, errors.New("redistest: no redis-server on PATH: " + howToGetOne)
		}
		o.Path = path
	}
	s := &Server{port: o.Port}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "redistest-"); err != nil {
			return nil, fmt.Errorf("redistest: %w", err)
		}
		s.ownsDir = true
	} else if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	s.opts = o

	for range portAttempts {
		if o.Port == 0 {
			if s.port, err = pickPort(); err != nil {
				break
			}
		}
		err = s.run(ctx)
		if err == nil {
			return s, nil
		}
		if o.Port != 0 || !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, errors.Join(err, s.removeDir())
}

// Addr is the server's host:port. It stays the same across Restart.
func (s *Server) Addr() string { return net.JoinHostPort(loopback, strconv.Itoa(s.port)) }

// Port is the server's TCP port. It stays the same across Restart.
func (s *Server) Port() int { return s.port }

// URL is the server's address as redis://…, with the password if there is one.
func (s *Server) URL() string {
	u := url.URL{Scheme: "redis", Host: s.Addr()}
	if s.opts.Password != "" {
		u.User = url.UserPassword("", s.opts.Password)
	}
	return u.String()
}

// Stop ends the server for good: SIGTERM, SIGKILL if that took no effect in
// five seconds, and then its temporary directory goes. It returns when the
// process is gone, also for a paused or a killed server. A second call does
// nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	return errors.Join(s.proc.terminate(stopPatience), s.removeDir())
}

// Kill ends the server as a crash would, with SIGKILL, and returns when it is
// gone. Clients see their connections reset and new ones refused, until Restart.
func (s *Server) Kill() error {
	return s.alive((*process).kill)
}

// Pause freezes the server. Clients can still connect and send, because the
// kernel does that for the server, but nothing answers until Resume.
func (s *Server) Pause() error {
	return s.alive((*process).pause)
}

// Resume lets a paused server go on. It then answers what came in
// meanwhile, also from clients that have given up since.
func (s *Server) Resume() error {
	return s.alive((*process).resume)
}

// Restart starts the server again on the same port and directory, after Kill or
// by ending it first, and returns when it answers PING. Its keys are gone unless
// Args turned persistence on; its scripts and what CONFIG SET changed are gone
// anyway. After an error the server is down, and Restart may be called again.
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

func (s *Server) alive(act func(*process) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if err := act(s.proc); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	return nil
}

// run starts the process and waits until it is ready. It leaves no process
// behind when it fails.
func (s *Server) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	// A file and not a pipe: were it our own output that the server held,
	// "go test" would wait for a server that outlived a crashed test.
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	defer log.Close()
	logStart, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}

	cmd := exec.Command(s.opts.Path, s.args()...)
	cmd.Dir = s.opts.Dir
	cmd.Stdout, cmd.Stderr = log, log
	p, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	s.proc = p

	poll := time.NewTimer(0)
	defer poll.Stop()
	notReady := errors.New("not tried yet")
	for wait := pollFirst; ; wait = min(2*wait, pollAtMost) {
		select {
		case <-p.exited:
			return startError(errors.New("redis-server ended at once"), log, logStart)
		case <-ctx.Done():
			err := fmt.Errorf("redis-server at %s is not ready: %w (%w)", s.Addr(), notReady, ctx.Err())
			return startError(errors.Join(err, p.kill()), log, logStart)
		case <-poll.C:
		}
		if notReady = probe(ctx, s.Addr(), s.opts.Password, p.Pid); notReady == nil {
			return nil
		}
		poll.Reset(wait)
	}
}

func (s *Server) args() []string {
	args := []string{
		"--port", strconv.Itoa(s.port),
		"--bind", loopback,
		"--dir", s.opts.Dir,
		"--daemonize", "no",
		"--save", "",
		"--appendonly", "no",
	}
	if s.opts.Password != "" {
		args = append(args, "--requirepass", s.opts.Password)
	}
	return append(args, s.opts.Args...)
}

func (s *Server) logPath() string {
	return filepath.Join(s.opts.Dir, fmt.Sprintf("redis-%d.log", s.port))
}

func (s *Server) removeDir() error {
	if !s.ownsDir {
		return nil
	}
	return os.RemoveAll(s.opts.Dir)
}

// startError adds to err what the server said, and tells a taken port from
// everything else.
func startError(err error, log io.ReaderAt, from int64) error {
	const atMost = 1 << 20
	said, readErr := io.ReadAll(io.NewSectionReader(log, from, atMost))
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	text := string(said)
	if strings.Contains(text, "Address already in use") {
		err = errors.Join(errPortTaken, err)
	}
	return fmt.Errorf("redistest: %w; its log ends:\n%s", err, text[max(0, len(text)-logTailLength):])
}
