package suite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/load"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// hotTargets are those whose one session is asked for by many. Those that do not lock
// are there to show what that costs: changes.
var hotTargets = []string{target.NameBerth, target.NameSCSLocked, target.NameSCS, target.NameGinContrib}

func (s *suite) hot(ctx context.Context, r *figure.Results) error {
	s.Log("hot session: %d targets, %d rounds", len(hotTargets), s.Rounds)
	targets := s.named(hotTargets...)
	all := make([]figure.Hot, len(targets))
	for i, t := range targets {
		all[i] = figure.Hot{Target: t.Name, Locks: t.Locks}
	}
	for range s.Rounds {
		for _, i := range rand.Perm(len(targets)) {
			sample, err := s.hotRound(ctx, targets[i])
			if err != nil {
				return fmt.Errorf("%s: %w", targets[i].Name, err)
			}
			all[i].Samples = append(all[i].Samples, sample)
		}
	}
	r.Hot = all
	r.Setting.HotEach = s.Hot
	return s.clear(ctx)
}

func (s *suite) hotRound(ctx context.Context, t *target.Running) (sample figure.HotSample, err error) {
	if sample.Alone, err = s.hotRun(t, s.clientsOf(t, 1)); err != nil {
		return sample, fmt.Errorf("one client: %w", err)
	}
	if sample.InProcess, err = s.hotRun(t, s.clientsOf(t, s.Hot.InProcess)); err != nil {
		return sample, fmt.Errorf("one process: %w", err)
	}
	if sample.Processes, err = s.hotRun(t, s.processesOf(ctx, t)); err != nil {
		return sample, fmt.Errorf("processes: %w", err)
	}
	return sample, nil
}

// crowd sends changes to the one session of a cookie, for so long after a warm-up.
type crowd func(cookie string, warm, window time.Duration) (crowdResult, error)

type crowdResult struct {
	// Rate of the window, in requests per second.
	Rate float64
	// Counts has the requests of each client in the window.
	Counts []int
	// Total is all requests, with those of the warm-up.
	Total int
	// Longest is the longest that a request took.
	Longest time.Duration
}

// hotRun makes a session, sets a crowd on it, and looks how many changes are in it.
func (s *suite) hotRun(t *target.Running, crowd crowd) (figure.HotRun, error) {
	c, err := load.Dial(t.Addr)
	if err != nil {
		return figure.HotRun{}, err
	}
	defer c.Close()
	cookie, err := c.Open(small.Path())
	if err != nil {
		return figure.HotRun{}, err
	}
	r, err := crowd(cookie, s.Warm, s.Window)
	if err != nil {
		return figure.HotRun{}, err
	}
	kept, err := c.Do(load.Request("GET", "/read", cookie))
	if err != nil {
		return figure.HotRun{}, err
	}
	if kept.N > r.Total || t.Locks && kept.N < r.Total {
		return figure.HotRun{}, fmt.Errorf("%d changes are in the session after %d requests", kept.N, r.Total)
	}
	return figure.HotRun{
		Rate: r.Rate, Fairness: fairness(r.Counts),
		Longest: float64(r.Longest) / float64(time.Millisecond),
		Lost:    1 - float64(kept.N)/float64(r.Total),
	}, nil
}

// fairness is 0 if one client got nothing, and 1 if all got the same.
func fairness(counts []int) float64 {
	slowest, fastest := counts[0], counts[0]
	for _, n := range counts {
		slowest, fastest = min(slowest, n), max(fastest, n)
	}
	if fastest == 0 {
		return 0
	}
	return float64(slowest) / float64(fastest)
}

// clientsOf are clients of a target in this process.
func (s *suite) clientsOf(t *target.Running, clients int) crowd {
	return func(cookie string, warm, window time.Duration) (crowdResult, error) {
		g, err := newGroup(t.Addr, cookie, clients)
		if err != nil {
			return crowdResult{}, err
		}
		defer g.close()
		if err := g.warmUp(warm); err != nil {
			return crowdResult{}, err
		}
		return g.run(window)
	}
}
