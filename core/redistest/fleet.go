package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// fleet is the servers of a topology, in one temporary directory.
type fleet struct {
	dir     string
	common  config    // of the data nodes
	servers []*Server // all are started before anybody gets the topology

	mu      sync.Mutex
	stopped bool
}

// newFleet returns a fleet without servers. The caller must stop it, too.
func newFleet(node Options) (*fleet, error) {
	if node.Dir != "" || node.Port != 0 || node.UnixSocket {
		return nil, errors.New("redistest: the nodes of a topology choose Dir and Port themselves, and have no UnixSocket")
	}
	c, err := newConfig(node)
	if err != nil {
		return nil, err
	}
	f := &fleet{common: c}
	if f.dir, err = os.MkdirTemp("", "redistest-"); err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	if f.common.certs, err = certify(node.TLS, f.dir); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	f.common.args = []string{
		"--repl-diskless-sync-delay", "0", // 5 s are the default
		"--repl-ping-replica-period", "1",
	}
	if l := c.login; l.password != "" {
		f.common.args = append(f.common.args, "--masterauth", l.password)
		if l.user != "" {
			f.common.args = append(f.common.args, "--masteruser", l.user)
		}
	}
	return f, nil
}

// start starts n servers at once, each in a directory of its own.
func (f *fleet) start(ctx context.Context, n int, c config) ([]*Server, error) {
	first := len(f.servers)
	started := make([]*Server, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := c
			c.Dir = filepath.Join(f.dir, strconv.Itoa(first+i))
			if errs[i] = os.Mkdir(c.Dir, 0o700); errs[i] == nil {
				started[i], errs[i] = start(ctx, c)
			}
		})
	}
	wg.Wait()
	for _, s := range started {
		if s != nil {
			f.servers = append(f.servers, s)
		}
	}
	return started, errors.Join(errs...)
}

// stop kills the servers. They need no orderly end, because their directory goes.
func (f *fleet) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil
	}
	f.stopped = true
	errs := make([]error, len(f.servers))
	var wg sync.WaitGroup
	for i, s := range f.servers {
		wg.Go(func() {
			if err := s.Kill(); err != nil && !errors.Is(err, ErrStopped) {
				errs[i] = err
			}
			errs[i] = errors.Join(errs[i], s.Stop())
		})
	}
	wg.Wait()
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}

// wait is poll, and also ends when the fleet is stopped. Its error also holds the end of each
// server's log.
func (f *fleet) wait(ctx context.Context, what string, try func(context.Context) error) error {
	err := poll(ctx, what, func(ctx context.Context) error {
		f.mu.Lock()
		stopped := f.stopped
		f.mu.Unlock()
		if stopped {
			return ErrStopped
		}
		return try(ctx)
	})
	return explain(f.servers, err)
}

// explain adds the end of each server's log to err.
func explain(servers []*Server, err error) error {
	if err == nil || errors.Is(err, ErrStopped) {
		return err
	}
	var b strings.Builder
	for _, s := range servers {
		state := "running"
		if !s.up() {
			state = "not running"
		}
		said, readErr := os.ReadFile(s.opts.logPath(s.port))
		if readErr != nil {
			said = []byte(readErr.Error())
		}
		fmt.Fprintf(&b, "\n%s, %s; its log ends:\n%s", s.Addr(), state, said[max(0, len(said)-logTailLength):])
	}
	return fmt.Errorf("%w%s", err, b.String())
}

// at returns the server that listens at a port.
func at(servers []*Server, port string) (*Server, error) {
	for _, s := range servers {
		if strconv.Itoa(s.Port()) == port {
			return s, nil
		}
	}
	return nil, fmt.Errorf("redistest: port %s is none of ours", port)
}

func addrs(servers []*Server) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.Addr()
	}
	return all
}
