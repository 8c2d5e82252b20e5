package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// childEnv holds, in a child process, what it is to do.
const childEnv = "BERTH_BENCH_CHILD"

// order is what a child does: it starts a target of its own, and clients for it.
type order struct {
	Target       string
	Redis        string
	Pool         int
	Cookie       string
	Clients      int
	Warm, Window time.Duration
}

// Child does what a child process is there for, and returns false if this is none. It
// must be called first in main, and in TestMain of a test that calls [Run].
func Child(ctx context.Context) bool {
	text, ok := os.LookupEnv(childEnv)
	if !ok {
		return false
	}
	if err := child(ctx, text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// child writes a line when it is ready, and does not begin until it has read one.
func child(ctx context.Context, text string, in io.Reader, out io.Writer) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	t, err := target.Named(o.Target)[0].Start(ctx, o.Redis, o.Pool)
	if err != nil {
		return err
	}
	defer t.Stop()
	g, err := newGroup(t.Addr, o.Cookie, o.Clients)
	if err != nil {
		return err
	}
	defer g.close()
	fmt.Fprintln(out, "ready")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return fmt.Errorf("the parent is gone: %w", err)
	}
	if err := g.warmUp(o.Warm); err != nil {
		return err
	}
	r, err := g.run(o.Window)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// processesOf are processes like this one, each with a server and clients of it.
func (s *suite) processesOf(ctx context.Context, t *target.Running) crowd {
	return func(cookie string, warm, window time.Duration) (_ crowdResult, err error) {
		text, err := json.Marshal(order{
			Target: t.Name, Redis: s.server.Addr(), Pool: s.Pool, Cookie: cookie,
			Clients: s.Hot.PerProcess, Warm: warm, Window: window,
		})
		if err != nil {
			return crowdResult{}, err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var children []*process
		defer func() {
			if err != nil {
				cancel() // nobody waits for them any longer
			}
			for _, p := range children {
				if failed := p.wait(); err == nil {
					err = failed
				}
			}
		}()
		for range s.Hot.Processes {
			p, err := startProcess(ctx, string(text))
			if err != nil {
				return crowdResult{}, err
			}
			children = append(children, p)
		}
		for _, p := range children {
			if _, err := p.out.ReadString('\n'); err != nil {
				return crowdResult{}, fmt.Errorf("a child: %w", err)
			}
		}
		for _, p := range children {
			fmt.Fprintln(p.in)
		}
		var sum crowdResult
		for _, p := range children {
			var r crowdResult
			if err := json.NewDecoder(p.out).Decode(&r); err != nil {
				return crowdResult{}, fmt.Errorf("a child: %w", err)
			}
			sum.Rate += r.Rate
			sum.Counts = append(sum.Counts, r.Counts...)
			sum.Total += r.Total
			sum.Longest = max(sum.Longest, r.Longest)
		}
		return sum, nil
	}
}

// process is a child process.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startProcess(ctx context.Context, order string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childEnv+"="+order)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

func (p *process) wait() error {
	_ = p.in.Close()
	return p.cmd.Wait()
}
