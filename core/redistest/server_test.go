package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	mustAsk(t, s, "PONG", "PING")
	if want := "redis://" + s.Addr(); s.URL() != want {
		t.Errorf("URL is %q, want %q", s.URL(), want)
	}
	if _, port, _ := net.SplitHostPort(s.Addr()); port == "0" {
		t.Error("port 0")
	}
}

func TestStopEndsEverything(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	dir, pid := s.opts.Dir, s.proc
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-pid.exited:
	default:
		t.Error("Stop returned before the process was gone")
	}
	if _, err := ask(s, time.Second, "PING"); err == nil {
		t.Error("something still answers")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary directory: %v, want it gone", err)
	}
	for name, err := range map[string]error{
		"Kill": s.Kill(), "Pause": s.Pause(), "Resume": s.Resume(), "Restart": s.Restart(t.Context()),
	} {
		if !errors.Is(err, ErrStopped) {
			t.Errorf("%s after Stop: %v, want ErrStopped", name, err)
		}
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	addr := s.Addr()
	mustAsk(t, s, "OK", "SET", "k", "v")
	for range 2 { // killing what is dead is no error
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(s, time.Second, "PING"); err == nil {
		t.Fatal("something still answers")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("moved from %s to %s", addr, s.Addr())
	}
	mustAsk(t, s, "# Keyspace\r\n", "INFO", "keyspace") // no database has a key
}

func TestRestartWhileClientsRedial(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, _ = ask(s, time.Second, "PING")
			}
		})
	}
	for range 5 {
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPersistenceByArgs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := setup(t, Options{Dir: dir, Args: []string{"--appendonly", "yes"}})
	mustAsk(t, s, "OK", "SET", "k", "v")
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, s, "v", "GET", "k")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	// Redis 6 writes appendonly.aof, others write appendonlydir.
	if kept, err := filepath.Glob(filepath.Join(dir, "appendonly*")); err != nil || len(kept) == 0 {
		t.Errorf("the caller's directory was not kept: %v, %v", kept, err)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error // of the dial or the reply
	if got, err := ask(s, 50*time.Millisecond, "PING"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("PING while paused: %q, %v; want a time-out", got, err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, s, "PONG", "PING")
}

func TestStopPaused(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{})
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > stopPatience/2 {
		t.Errorf("took %v: it had to be killed", took)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Password: "p w/d"})
	if want := "redis://:p%20w%2Fd@" + s.Addr(); s.URL() != want {
		t.Errorf("URL is %q, want %q", s.URL(), want)
	}
	if _, err := ask(s, 5*time.Second, "PING"); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("without the password: %v, want NOAUTH", err)
	}
	setup(t, Options{Password: `"p \x41`}) // logs in to see that the server is ready
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) int { // a port where a Redis already answers PING
		return setup(t, Options{}).Port()
	}

	t.Run("fixed", func(t *testing.T) {
		t.Parallel()
		s, err := Start(t.Context(), Options{Port: setup(t)})
		if !errors.Is(err, errPortTaken) {
			t.Fatalf("got %v, %v; want errPortTaken", s, err)
		}
	})
	t.Run("chosen", func(t *testing.T) {
		t.Parallel()
		taken, picks := setup(t), 0
		c, err := newConfig(Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.pickPort = func() (int, error) {
			if picks++; picks <= 2 {
				return taken, nil
			}
			return freePort()
		}
		s, err := start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if picks != 3 || s.Port() == taken {
			t.Errorf("%d picks, port %d; want the third", picks, s.Port())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// Not parallel: it looks for what is left in the directory for temporary files.
func TestFailedStart(t *testing.T) {
	setup(t, Options{}) // skips where there is no Redis
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)

	_, err := Start(t.Context(), Options{Args: []string{"--maxmemory", "plenty"}})
	if err == nil || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("got %v, want what the server said", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}

	_, err = Start(t.Context(), Options{Path: filepath.Join(temp, "none")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}

	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	servers := make([]*Server, 8)
	first := setup(t, Options{})
	for i := range servers {
		wg.Go(func() {
			s, err := Start(t.Context(), Options{})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	wg.Wait()
	ports := map[int]bool{first.Port(): true}
	for _, s := range servers {
		if s == nil {
			continue
		}
		if ports[s.Port()] {
			t.Errorf("port %d twice", s.Port())
		}
		ports[s.Port()] = true
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
}
