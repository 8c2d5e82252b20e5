package run

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/berthgo/berth/conformance/faults/internal/proxy"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// plan is what a seed decides of a run: settings, faults and clients. The schedule of processes and
// goroutines is the machine's.
type plan struct {
	seed       uint64
	settings   wire.Settings
	frameworks []string
	place      string // one server, cluster or sentinels
	ahead      bool   // the first server has a clock that is ahead
	calm       bool
	programme  proxy.Programme
	mishaps    []weighted
	every      time.Duration // between two mishaps, on average
	log        bool          // Redis keeps an append-only file
	browsers   int
	tabs       int
	users      int
	lasts      time.Duration // how long clients ask
	think      time.Duration // the longest pause of a tab between two requests
	paths      []weighted
}

// source is a generator of random numbers for one purpose of a run.
func source(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)+1)).Round(time.Millisecond)
}

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

// newPlan draws a plan.
func newPlan(seed uint64, place string) *plan {
	rng := source(seed, 0)
	p := &plan{seed: seed, browsers: 2 + rng.IntN(2), tabs: 2 + rng.IntN(2), users: 1 + rng.IntN(2)}
	p.calm = chance(rng, 10)
	p.place = alone
	if n := source(seed, 3).IntN(100); n < 3 && !p.calm {
		p.place = cluster
	} else if n == 3 && !p.calm {
		p.place = sentinels
	}
	p.ahead = source(seed, 4).IntN(100) < 15 && !p.calm
	if place != "" {
		p.place, p.calm = place, p.calm && place == alone
	}
	p.lasts, p.think = between(rng, 800*time.Millisecond, 2*time.Second), 12*time.Millisecond
	s := &p.settings
	*s = wire.Settings{
		App:              fmt.Sprintf("faults%d", seed),
		OperationTimeout: between(rng, 80*time.Millisecond, 200*time.Millisecond),
		Timeout:          time.Minute,
		LockTTL:          between(rng, 300*time.Millisecond, 700*time.Millisecond),
		LockWait:         between(rng, 500*time.Millisecond, 2*time.Second),
		EndSweep:         100 * time.Millisecond,
		FailSilently:     chance(rng, 25),
		TrackEnd:         chance(rng, 70),
		Notifications:    chance(rng, 50),
		Companions:       chance(rng, 50),
		EndsThatFail:     20,
	}
	if chance(rng, 60) {
		s.RetryTimeout = between(rng, 50*time.Millisecond, 1500*time.Millisecond)
	}
	if chance(rng, 40) {
		s.MaxPerPrincipal = 1 + rng.IntN(2)
	}
	if chance(rng, 15) {
		// Sessions expire during the run. They must live for longer than a call may be late: else a call
		// that comes after the end may make the session once more.
		s.RetryTimeout = 0
		s.Timeout = between(rng, 5*s.OperationTimeout, 1200*time.Millisecond)
	}
	all := []string{"http", "gin", "fiber"}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	p.frameworks = all[:2+rng.IntN(2)]
	p.programme = proxy.Programme{Rate: 0.01 + 0.12*rng.Float64(), Patience: s.OperationTimeout}
	for k := range p.programme.Weights {
		p.programme.Weights[k] = rng.IntN(4)
	}
	p.programme.Weights[proxy.None] = 0
	for _, w := range mishaps[p.place] {
		if n := rng.IntN(3) * w.weight; n > 0 {
			p.mishaps = append(p.mishaps, weighted{w.word, n})
			p.log = p.log || w.word == restart
		}
	}
	if p.place != alone { // there are no proxies, so there must be something else
		p.mishaps = mishaps[p.place]
		p.lasts *= 2
	}
	p.every = between(rng, 150*time.Millisecond, 800*time.Millisecond)
	p.paths = []weighted{
		{"append", 10},
		{"shared", 2 + rng.IntN(6)},
		{"read", 5},
		{"peek", 1},
		{"rotate", rng.IntN(4)},
		{"signin", 1 + rng.IntN(3)},
		{"signout", rng.IntN(2)},
		{"endothers", rng.IntN(2)},
		{"endall", rng.IntN(2)},
	}
	if p.calm {
		p.programme.Rate, p.mishaps, p.log = 0, nil, false
		s.OperationTimeout, s.LockTTL, s.LockWait = 5*time.Second, 10*time.Second, time.Minute
		if chance(source(seed, 5), 70) { // some handlers take longer: their leases must be renewed
			s.LockTTL = between(source(seed, 6), 600*time.Millisecond, 900*time.Millisecond)
		}
		s.Timeout = max(s.Timeout, time.Second)
	}
	return p
}
