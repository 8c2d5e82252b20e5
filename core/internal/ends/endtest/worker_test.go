package endtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// settings are those of a worker process.
type settings struct {
	Addrs         []string
	Cluster       bool
	Notifications bool
	Sweep         time.Duration
	Handlers      int
}

const workerEnv = "ENDTEST_WORKER"

func (s settings) client() redis.UniversalClient {
	if s.Cluster {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: s.Addrs, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		})
	}
	return redis.NewClient(&redis.Options{Addr: s.Addrs[0], MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true})
}

func (s settings) manager(client redis.UniversalClient) (*session.Manager, error) {
	return session.New(client, session.Options{
		App: "endtest", TrackEnd: true, LockTTL: 2 * time.Second, EndSweep: s.Sweep, EndHandlers: s.Handlers,
		EndNotifications: s.Notifications, RetryTimeout: 20 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	})
}

// work is what a worker process does until its standard input ends: it writes a line
// for every session whose end it handles, and its stats as the last one.
func work(text string) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	client := s.client()
	defer func() { _ = client.Close() }()
	m, err := s.manager(client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err = m.HandleEnd(ctx, func(_ context.Context, e session.Ended) error {
		n, err := session.Get[int](e.Session, "n")
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%s %d %d\n", e.Handle, n, time.Since(e.EndedAt).Milliseconds())
		return err
	})
	stats := m.Stats()
	fmt.Printf("stats handled=%d redelivered=%d lag=%v longest=%v\n",
		stats.EndsHandled, stats.EndsRedelivered, stats.EndLag/time.Duration(max(1, stats.EndsHandled)), stats.EndLagMax)
	return errors.Join(err, m.Close())
}

// ending is a line of a worker.
type ending struct {
	worker int
	id     string
	n      int
	lag    time.Duration
}

// worker is a process.
type worker struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	read  sync.WaitGroup
	once  sync.Once
}

// start starts a worker, whose lines go to a channel.
func start(t *testing.T, number int, s settings, to chan<- ending) *worker {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &worker{t: t, cmd: cmd, stdin: stdin}
	w.read.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var lag int64
			e := ending{worker: number}
			if rest, ok := strings.CutPrefix(lines.Text(), "stats "); ok {
				t.Logf("worker %d: %s", number, rest)
			} else if _, err := fmt.Sscan(lines.Text(), &e.id, &e.n, &lag); err != nil {
				t.Errorf("worker %d said %q", number, lines.Text())
			} else {
				e.lag = time.Duration(lag) * time.Millisecond
				to <- e
			}
		}
	})
	t.Cleanup(w.kill)
	return w
}

// stop lets a worker finish.
func (w *worker) stop() {
	w.once.Do(func() {
		_ = w.stdin.Close()
		w.read.Wait()
		if err := w.cmd.Wait(); err != nil {
			w.t.Errorf("a worker ended with %v", err)
		}
	})
}

// kill ends a worker with SIGKILL. What it has written is read.
func (w *worker) kill() {
	w.once.Do(func() {
		_ = w.cmd.Process.Kill()
		w.read.Wait()
		_ = w.cmd.Wait()
	})
}
