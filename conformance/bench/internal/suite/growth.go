package suite

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/load"
	"github.com/berthgo/berth/conformance/bench/internal/target"
)

// growing are the targets that are measured at many sizes.
var growing = []string{
	target.NameBerth, target.NameSCS, target.NameSCSLocked, target.NameGinContrib, target.NameGetSet,
}

// What grows.
const (
	GrowClients  = "concurrent clients"
	GrowFields   = "fields in a session"
	GrowSessions = "sessions in Redis"
)

// growField is how long each of many fields is.
const growField = 32

func (s *suite) growth(ctx context.Context, r *figure.Results) error {
	for _, g := range []struct {
		what    string
		sizes   []int
		job     func(size int) job
		prepare func(ctx context.Context, size int) error
	}{
		{GrowClients, s.GrowClients, func(n int) job { return job{shape: small, clients: n, each: 1} }, s.emptied},
		{GrowFields, s.GrowFields, func(n int) job {
			return job{shape: load.Shape{Fields: n, Size: growField}, clients: s.Clients, each: 1}
		}, s.emptied},
		{GrowSessions, s.GrowSessions, func(n int) job {
			return job{shape: small, clients: s.Clients, each: s.each(n)}
		}, s.populate},
	} {
		grown := figure.Growth{What: g.what, Sizes: g.sizes}
		for _, name := range growing {
			grown.Lines = append(grown.Lines, figure.Line{Target: name})
		}
		for _, size := range g.sizes {
			s.Log("growth: %d %s", size, g.what)
			if err := g.prepare(ctx, size); err != nil {
				return err
			}
			j := g.job(size)
			j.work, j.rounds = load.Change, s.GrowthRounds
			rows, err := s.measure(ctx, j, s.named(growing...))
			if err != nil {
				return err
			}
			for i, row := range rows {
				grown.Lines[i].Points = append(grown.Lines[i].Points, row)
			}
		}
		r.Growth = append(r.Growth, grown)
	}
	return s.clear(ctx)
}

func (s *suite) emptied(ctx context.Context, _ int) error { return s.clear(ctx) }

// each is how many sessions every client makes and uses, of those there are to be. All
// others are copies, which Redis itself makes, in seconds and not minutes.
func (s *suite) each(size int) int {
	const used = 1_000
	return max(1, min(size, used)/s.Clients)
}

// populate empties Redis and gives each growing target copies of a session, up to size
// together with those that clients will make.
func (s *suite) populate(ctx context.Context, size int) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	// All keys are looked for while there are but few.
	originals := map[string]bool{}
	for _, t := range s.named(growing...) {
		if err := openOne(t); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		keys, err := s.redis.Keys(ctx, "*").Result()
		if err != nil {
			return err
		}
		for _, key := range keys {
			originals[key] = true
		}
	}
	if len(originals) != len(growing) {
		return fmt.Errorf("%d sessions are in %d keys, so their copies would not be sessions", len(growing), len(originals))
	}
	for key := range originals {
		if err := s.copies(ctx, key, size-1-s.each(size)*s.Clients); err != nil {
			return err
		}
	}
	return nil
}

func openOne(t *target.Running) error {
	c, err := load.Dial(t.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Open(small.Path())
	return err
}

func (s *suite) copies(ctx context.Context, key string, count int) error {
	const batch = 10_000
	for made := 0; made < count; {
		_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range min(batch, count-made) {
				p.Copy(ctx, key, fmt.Sprintf("%s.%d", key, made), 0, false)
				made++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
