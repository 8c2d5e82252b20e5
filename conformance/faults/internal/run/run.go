// Package run makes one run: it starts a redis-server and server processes, lets clients ask and faults
// happen, waits until all is well again, and checks what was promised.
package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/proxy"
)

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Requests   int
	Outcomes   map[string]int // of requests: done, not and unknown
	Exchanges  int            // with Redis, that went through proxies
	Faults     map[string]int // by kind
	Ends       int            // that were handed to handlers
	Lost       bool           // Redis's replication has lost writes, so nothing was checked
	Unready    bool           // the servers of Redis did not agree on a master in time, so nothing was checked
	Undecided  int            // sessions that porcupine could not decide in time
	Violations []history.Violation
	Plan       string // what the seed has decided
	Record     *history.Record
}

// longest is how long a run may take. Whatever hangs ends then.
const longest = 2 * time.Minute

// Setting is what does not come from the seed.
type Setting struct {
	Program string // the executable of the servers
	Ahead   string // the same with a clock that is ahead, for a server of some runs; "" for none
	Place   string // where Redis is: "one server", "cluster" or "sentinels"; "" if the seed decides
}

// Run makes the run of a seed.
func Run(ctx context.Context, setting Setting, seed uint64) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	r := &running{plan: newPlan(seed, setting.Place), setting: setting, counts: map[string]int{}}
	defer r.stop()
	if err := r.start(ctx); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	if err := r.ask(ctx); errors.Is(err, errUnready) {
		return &Result{Seed: seed, Unready: true}, nil
	} else if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	if err := r.settle(ctx); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	result, err := r.judge()
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return result, nil
}

// running is a run under way.
type running struct {
	plan    *plan
	setting Setting
	dir     string

	*place
	proxies  []*proxy.Proxy
	servers  []*server
	browsers []*browser
	book     book

	troubles   []history.Window
	counts     map[string]int
	forced     int64
	violations []history.Violation
}

func (r *running) start(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "faults-"); err != nil {
		return err
	}
	if r.place, err = startPlace(ctx, r.plan); err != nil {
		return err
	}
	for i, framework := range r.plan.frameworks {
		settings := r.plan.settings
		settings.Name, settings.Framework = fmt.Sprintf("%s%d", framework, i), framework
		settings.Addrs = r.addrs()
		switch {
		case r.single != nil:
			p, err := proxy.Start(r.single.Addr, r.plan.programme, r.plan.seed<<8+uint64(i))
			if err != nil {
				return err
			}
			r.proxies = append(r.proxies, p)
			settings.Addrs = []string{p.Addr()}
		case r.sentinel != nil:
			settings.Master = r.sentinel.MasterName()
		default:
			settings.Cluster = true
		}
		settings.Journal = filepath.Join(r.dir, settings.Name)
		if err := os.WriteFile(settings.Journal, nil, 0o600); err != nil {
			return err
		}
		s := &server{settings: settings, program: r.setting.Program}
		if i == 0 && r.plan.ahead && r.setting.Ahead != "" {
			s.program = r.setting.Ahead
			r.counts[clock]++
		}
		r.servers = append(r.servers, s)
		if err := s.start(); err != nil {
			return err
		}
	}
	for i := range r.plan.browsers {
		transport := &http.Transport{MaxIdleConnsPerHost: 8}
		r.browsers = append(r.browsers, &browser{number: i, book: &r.book, client: &http.Client{Transport: transport}})
	}
	return nil
}

// stop ends all processes of the run, and removes its files.
func (r *running) stop() {
	for _, s := range r.servers {
		_ = s.kill()
	}
	for _, p := range r.proxies {
		_ = p.Close()
	}
	for _, b := range r.browsers {
		b.client.CloseIdleConnections()
	}
	if r.place != nil {
		r.place.stop()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
}

// ask lets clients ask while faults happen.
func (r *running) ask(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, r.plan.lasts)
	defer cancel()
	for _, p := range r.proxies {
		p.Make(true)
	}
	var going sync.WaitGroup
	for i, b := range r.browsers {
		for tab := range r.plan.tabs {
			going.Go(func() {
				rng := source(r.plan.seed, uint64(100+10*i+tab))
				for rest(asking, time.Duration(rng.Int64N(int64(r.plan.think)))) {
					// A request that has begun is not cut off by the end of the run.
					b.ask(ctx, tab, r.servers[rng.IntN(len(r.servers))], r.plan.draw(rng))
				}
			})
		}
	}
	err := r.misfortune(asking, source(r.plan.seed, 1))
	going.Wait()
	for _, p := range r.proxies {
		p.Make(false)
	}
	return err
}
