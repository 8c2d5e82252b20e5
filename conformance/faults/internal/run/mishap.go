package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// The mishaps: faults beside those of the proxies.
const (
	kill    = "server killed"
	freeze  = "server stopped past the lease"
	restart = "redis killed and started again"
	stall   = "redis stalled"
	scripts = "scripts flushed"
	clients = "clients cut by redis"
	halt    = "clients paused by redis"
	full    = "redis full"
	move    = "slot moved"
	succeed = "failover"
	clock   = "server with a clock that is ahead"
)

// mishaps are those of each place, with how often they happen.
var mishaps = map[string][]weighted{
	alone:     {{kill, 4}, {freeze, 4}, {restart, 2}, {stall, 2}, {scripts, 1}, {clients, 2}, {halt, 2}, {full, 1}},
	cluster:   {{kill, 2}, {freeze, 2}, {scripts, 1}, {clients, 2}, {halt, 1}, {move, 6}, {succeed, 3}},
	sentinels: {{kill, 1}, {freeze, 1}, {scripts, 1}, {clients, 1}, {succeed, 3}},
}

// misfortune makes mishaps until ctx ends. Each of them is over when misfortune returns.
func (r *running) misfortune(ctx context.Context, rng *rand.Rand) error {
	if len(r.plan.mishaps) == 0 {
		return nil
	}
	for rest(ctx, between(rng, r.plan.every/2, r.plan.every*3/2)) {
		what, victim := pick(rng, r.plan.mishaps), r.servers[rng.IntN(len(r.servers))]
		w := history.Window{At: wire.Now()}
		if what == kill || what == freeze {
			w.Server = victim.settings.Name
		}
		if err := r.mishap(what, victim, rng); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		w.Till = wire.Now()
		r.troubles = append(r.troubles, w)
		r.counts[what]++
	}
	return nil
}

// mishap makes one, and returns when it is over. It does so also if the run is about to end.
func (r *running) mishap(what string, victim *server, rng *rand.Rand) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest/2)
	defer cancel()
	ttl := r.plan.settings.LockTTL
	switch what {
	case kill:
		if err := victim.kill(); err != nil {
			return err
		}
		rest(ctx, between(rng, 0, 200*time.Millisecond))
		return victim.start()
	case freeze:
		if err := victim.signal(syscall.SIGSTOP); err != nil {
			return err
		}
		rest(ctx, between(rng, ttl*3/4, ttl*7/4))
		return victim.signal(syscall.SIGCONT)
	case restart:
		if err := r.single.Kill(); err != nil {
			return err
		}
		rest(ctx, between(rng, 0, 300*time.Millisecond))
		return r.single.Restart(ctx)
	case stall:
		if err := r.single.Pause(); err != nil {
			return err
		}
		rest(ctx, between(rng, 50*time.Millisecond, ttl*5/4))
		return r.single.Resume()
	case scripts:
		return r.everywhere(ctx, "SCRIPT", "FLUSH")
	case clients:
		return r.everywhere(ctx, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	case halt:
		d := between(rng, 20*time.Millisecond, 400*time.Millisecond)
		err := r.everywhere(ctx, "CLIENT", "PAUSE", d.Milliseconds())
		rest(ctx, d)
		return err
	case move:
		keys, err := r.keys(ctx, "{"+r.plan.settings.App+"_*}_Data")
		if err != nil || len(keys) == 0 {
			return err
		}
		slices.Sort(keys)
		return r.moveSlot(ctx, keys[rng.IntN(len(keys))], between(rng, 0, 100*time.Millisecond))
	case succeed:
		return r.failover(ctx, rng.IntN(3))
	case full:
		if err := r.client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
			return err
		}
		rest(ctx, between(rng, 20*time.Millisecond, 400*time.Millisecond))
		return r.client.ConfigSet(ctx, "maxmemory", "0").Err()
	}
	panic("no such mishap: " + what)
}

// everywhere sends a command to all masters.
func (p *place) everywhere(ctx context.Context, args ...any) error {
	return p.each(ctx, func(ctx context.Context, c *redis.Client) error { return c.Do(ctx, args...).Err() })
}

// rest waits. It is false if ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
