// Command faults shows that berth keeps its promises while everything around it fails. See docs/faults.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/faults/internal/app"
	"github.com/berthgo/berth/conformance/faults/internal/breaks"
	"github.com/berthgo/berth/conformance/faults/internal/run"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

func main() {
	redis.SetLogger(silent{})
	if settings := os.Getenv(wire.Variable); settings != "" {
		if err := app.Main(settings); err != nil {
			fmt.Fprintln(os.Stderr, "server:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	ok, err := drive(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

// silent has go-redis keep to itself that it cannot connect.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

var (
	errInterrupted = errors.New("interrupted before all runs were made")
	errUnchecked   = errors.New("no run was checked: make more of them, with -runs or -for")
)

// drive makes runs. It is false if a promise was broken. The error says that it is not known whether all were
// kept.
func drive(ctx context.Context, args []string, out io.Writer) (ok bool, err error) {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	runs := flags.Int("runs", 0, "make this many runs; 0 for as many as -for allows")
	lasts := flags.Duration("for", 30*time.Second, "make runs for this long")
	seed := flags.Uint64("seed", 0, "seed of the first run; the next ones count on; 0 for one by the clock")
	parallel := flags.Int("parallel", 4, "make this many runs at the same time")
	first := flags.Bool("first", false, "stop at the first violation")
	broken := flags.Bool("breaks", false, "build berth with each deliberate break, and make runs until one finds it")
	only := flags.String("break", "", "of the breaks, those with this text in the name")
	root := flags.String("root", ".", "the root of the repository")
	ahead := flags.Bool("ahead", false, "some servers have a clock that is ahead")
	place := flags.String("place", "", "where Redis is, one server, cluster or sentinels; else the seed decides")
	verbose := flags.Bool("v", false, "print each run, or with -breaks what was found")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixMilli()) % 1_000_000_000
	}
	if *broken {
		return findBreaks(ctx, *root, *only, *seed, *parallel, *verbose, out)
	}
	program, err := os.Executable()
	if err != nil {
		return false, err
	}
	interrupted := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	setting := run.Setting{Program: program, Place: *place}
	if *ahead {
		dir, err := os.MkdirTemp("", "faults-")
		if err != nil {
			return false, err
		}
		defer os.RemoveAll(dir)
		top, err := filepath.Abs(*root)
		if err != nil {
			return false, err
		}
		if setting.Ahead, err = breaks.BuildAhead(ctx, top, dir); err != nil {
			return false, err
		}
	}
	again := "make faults-nightly RUNS=1"
	if *place != "" {
		again += fmt.Sprintf(" PLACE='%s'", *place)
	}
	total := newTotal(*seed, again+" SEED=")
	started := time.Now()
	var mu sync.Mutex
	next := 0
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		more := next < *runs || *runs == 0 && time.Since(started) < *lasts
		if !more || ctx.Err() != nil {
			return 0, false
		}
		next++
		return *seed + uint64(next-1), true
	}
	var going sync.WaitGroup
	for range *parallel {
		going.Go(func() {
			for seed, more := take(); more; seed, more = take() {
				result, failed := run.Run(ctx, setting, seed)
				mu.Lock()
				switch {
				case ctx.Err() != nil: // the run was cut off
				case failed != nil:
					err = failed
					cancel()
				default:
					total.add(result)
					if *verbose {
						fmt.Fprintf(out, "seed %d: %d requests %v, %d ends, faults %v\n", seed, result.Requests, result.Outcomes, result.Ends, result.Faults)
					}
					total.tell(out, result)
					if *first && len(result.Violations) > 0 {
						cancel()
					}
				}
				mu.Unlock()
			}
		})
	}
	going.Wait()
	total.print(out, time.Since(started))
	switch {
	case err != nil:
	case interrupted.Err() != nil:
		err = errInterrupted
	case total.checked() == 0:
		err = errUnchecked
	}
	return err == nil && total.violations == 0, err
}

// total adds up runs.
type total struct {
	again                                                                       string // the command that makes a run again, but for its seed
	seed                                                                        uint64
	runs, requests, exchanges, ends, undecided, violations, calm, lost, unready int
	outcomes, faults                                                            map[string]int
	failed                                                                      []uint64
}

func newTotal(seed uint64, again string) *total {
	return &total{seed: seed, again: again, outcomes: map[string]int{}, faults: map[string]int{}}
}

func (t *total) add(r *run.Result) {
	t.runs++
	if r.Unready {
		t.unready++
		return
	}
	t.requests += r.Requests
	t.exchanges += r.Exchanges
	t.ends += r.Ends
	t.undecided += r.Undecided
	t.violations += len(r.Violations)
	for k, n := range r.Outcomes {
		t.outcomes[k] += n
	}
	for k, n := range r.Faults {
		t.faults[k] += n
	}
	if len(r.Faults) == 0 {
		t.calm++
	}
	if r.Lost {
		t.lost++
	}
	if len(r.Violations) > 0 {
		t.failed = append(t.failed, r.Seed)
	}
}

// checked returns how many runs were checked.
func (t *total) checked() int { return t.runs - t.lost - t.unready }

func (t *total) tell(out io.Writer, r *run.Result) {
	for _, v := range r.Violations {
		fmt.Fprintf(out, "VIOLATION in the run of seed %d, found by %q: %s\n", r.Seed, v.Check, v.Text)
	}
	if len(r.Violations) > 0 {
		fmt.Fprintf(out, "  the plan: %s\n  again: %s%d\n", r.Plan, t.again, r.Seed)
	}
}

func (t *total) print(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%d runs from seed %d in %v, %d of them without a fault\n", t.runs, t.seed, took.Round(time.Second), t.calm)
	if t.lost > 0 {
		fmt.Fprintf(out, "%d of them not checked, because replication has lost writes at a failover\n", t.lost)
	}
	if t.unready > 0 {
		fmt.Fprintf(out, "%d of them not checked, because the Sentinels did not agree on a master in time\n", t.unready)
	}
	fmt.Fprintf(out, "%d requests: %d done, %d certainly not, %d unknown; %d ends handed out; %d exchanges with Redis\n",
		t.requests, t.outcomes[wire.Done], t.outcomes[wire.Not], t.outcomes[wire.Unknown], t.ends, t.exchanges)
	fmt.Fprintln(out, "faults:")
	for _, kind := range slices.Sorted(maps.Keys(t.faults)) {
		fmt.Fprintf(out, "  %-32s %6d\n", kind, t.faults[kind])
	}
	fmt.Fprintf(out, "%d sessions undecided, %d violations, in the runs of seeds %v\n", t.undecided, t.violations, t.failed)
}
