package suite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/load"
	"github.com/berthgo/berth/conformance/bench/internal/meter"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// job is work for several targets.
type job struct {
	work    load.Work
	shape   load.Shape
	clients int
	// each is how many sessions a client has, which it takes in turn.
	each   int
	rounds int
}

// contender is a target with clients that are ready for it.
type contender struct {
	*target.Running
	job      job
	meter    meter.Meter
	clients  []*load.Client
	sessions []*load.Sessions
}

func (s *suite) contender(t *target.Running, j job) (_ *contender, err error) {
	c := &contender{
		Running: t, job: j, meter: meter.Meter{Redis: s.redis, Wire: t.Wire}, sessions: make([]*load.Sessions, j.clients),
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for range j.clients {
		client, err := load.Dial(t.Addr)
		if err != nil {
			return nil, err
		}
		c.clients = append(c.clients, client)
	}
	if j.work.Rotates() {
		return c, nil // each turn opens its own
	}
	return c, c.open()
}

// open makes the sessions of all clients.
func (c *contender) open() error {
	_, err := load.Run(len(c.clients), 0, func(i int) (err error) {
		c.sessions[i], err = load.NewSessions(c.clients[i], c.job.shape, c.job.each, c.Stores)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: new sessions: %w", c.Name, err)
	}
	return nil
}

// reopen makes new sessions for work that rotates them, in an empty Redis: a session signs in
// but once, and what an old ID leaves in Redis must not burden the turns of others.
func (c *contender) reopen(ctx context.Context) error {
	if !c.job.work.Rotates() {
		return nil
	}
	if err := c.meter.Redis.FlushAll(ctx).Err(); err != nil {
		return err
	}
	return c.open()
}

// check reads the sessions that were rotated, with the cookies that came last.
func (c *contender) check() error {
	if !c.job.work.Rotates() {
		return nil
	}
	_, err := load.Run(len(c.clients), 0, func(i int) error { return c.sessions[i].Check(c.clients[i]) })
	if err != nil {
		return fmt.Errorf("%s: afterwards: %w", c.Name, err)
	}
	return nil
}

func (c *contender) close() {
	for _, client := range c.clients {
		_ = client.Close()
	}
}

func (c *contender) run(d time.Duration) (load.Result, error) {
	r, err := load.Run(len(c.clients), d, func(i int) error { return c.sessions[i].Do(c.clients[i], c.job.work) })
	if err != nil {
		return r, fmt.Errorf("%s: %w", c.Name, err)
	}
	return r, nil
}

// turn is one sample of one target.
func (c *contender) turn(ctx context.Context, warm, window time.Duration) (figure.Sample, error) {
	if err := c.reopen(ctx); err != nil {
		return figure.Sample{}, err
	}
	if _, err := c.run(warm); err != nil {
		return figure.Sample{}, err
	}
	if err := c.reopen(ctx); err != nil {
		return figure.Sample{}, err
	}
	trips, err := c.trips()
	if err != nil {
		return figure.Sample{}, err
	}
	runtime.GC() // what others have left is not for this one to clean up
	before, err := c.meter.Read(ctx)
	if err != nil {
		return figure.Sample{}, err
	}
	r, err := c.run(window)
	if err != nil {
		return figure.Sample{}, err
	}
	after, err := c.meter.Read(ctx)
	if err != nil {
		return figure.Sample{}, err
	}
	return sample(r, trips, after.Since(before)), c.check()
}

// trips is how often a request waits for Redis that has it for itself.
func (c *contender) trips() (float64, error) {
	const requests = 20
	before := c.Wire.Trips()
	for range requests {
		if err := c.sessions[0].Do(c.clients[0], c.job.work); err != nil {
			return 0, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return float64(c.Wire.Trips()-before) / requests, nil
}

func sample(r load.Result, trips float64, used meter.Reading) figure.Sample {
	n := float64(r.Count())
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return figure.Sample{
		Rate:      r.Rate(),
		P50:       us(time.Duration(r.Latency.ValueAtQuantile(50))),
		P99:       us(time.Duration(r.Latency.ValueAtQuantile(99))),
		RedisCPU:  us(used.RedisCPU) / n,
		ClientCPU: us(used.ClientCPU) / n,
		Allocs:    float64(used.Allocs) / n,
		Trips:     trips,
		Shared:    float64(used.Trips) / n,
		Sent:      float64(used.Sent) / n,
	}
}

// measure gives every target its turn in every round, in an order that changes from
// round to round, so that what disturbs the machine disturbs them alike.
func (s *suite) measure(ctx context.Context, j job, targets []*target.Running) ([]figure.Row, error) {
	var contenders []*contender
	rows := make([]figure.Row, len(targets))
	for i, t := range targets {
		c, err := s.contender(t, j)
		if err != nil {
			return nil, err
		}
		defer c.close()
		contenders = append(contenders, c)
		rows[i] = figure.Row{Target: t.Name, Framework: string(t.Framework), Kind: string(t.Kind)}
	}
	for range j.rounds {
		for _, i := range rand.Perm(len(contenders)) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			sample, err := contenders[i].turn(ctx, s.Warm, s.Window)
			if err != nil {
				return nil, err
			}
			rows[i].Samples = append(rows[i].Samples, sample)
		}
	}
	return rows, nil
}
