package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

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
)

// mishaps are all of them, with how often they happen.
var mishaps = []weighted{{kill, 4}, {freeze, 4}, {restart, 2}, {stall, 2}, {scripts, 1}, {clients, 2}, {halt, 2}, {full, 1}}

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
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
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
		if err := r.redis.Kill(); err != nil {
			return err
		}
		rest(ctx, between(rng, 0, 300*time.Millisecond))
		return r.redis.Restart(ctx)
	case stall:
		if err := r.redis.Pause(); err != nil {
			return err
		}
		rest(ctx, between(rng, 50*time.Millisecond, ttl*5/4))
		return r.redis.Resume()
	case scripts:
		return r.client.ScriptFlush(ctx).Err()
	case clients:
		return r.client.Do(ctx, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err()
	case halt:
		d := between(rng, 20*time.Millisecond, 400*time.Millisecond)
		err := r.client.Do(ctx, "CLIENT", "PAUSE", d.Milliseconds()).Err()
		rest(ctx, d)
		return err
	case full:
		if err := r.client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
			return err
		}
		rest(ctx, between(rng, 20*time.Millisecond, 400*time.Millisecond))
		return r.client.ConfigSet(ctx, "maxmemory", "0").Err()
	}
	panic("no such mishap: " + what)
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
