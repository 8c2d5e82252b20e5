package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/faults/internal/history"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
)

// recovery is how long it may take until all is well after the last fault.
const recovery = 25 * time.Second

// settle waits until the application serves everybody again, and then has all sessions end.
func (r *running) settle(ctx context.Context) error {
	rng := source(r.plan.seed, 2)
	for _, b := range r.browsers {
		for _, path := range []string{"read", "append"} {
			r.insist(ctx, b, order{path: path}, rng)
		}
	}
	if err := r.limit(ctx, rng); err != nil {
		return err
	}
	if err := r.awaitCompanions(ctx); err != nil {
		return err
	}
	if idle := r.plan.settings.Timeout * 9 / 4; idle < 5*time.Second {
		rest(ctx, idle)
		for _, b := range r.browsers { // whose sessions have expired
			r.insist(ctx, b, order{path: "read"}, rng)
		}
	}
	if !r.plan.settings.TrackEnd {
		return nil
	}
	for i, b := range r.browsers {
		if i%2 == 0 {
			r.insist(ctx, b, order{path: "signout"}, rng)
		}
	}
	if chance(rng, 50) {
		r.insist(ctx, r.browsers[0], order{path: "endall", user: "0"}, rng)
	}
	if err := r.expire(ctx); err != nil {
		return err
	}
	return r.awaitEnds(ctx)
}

// insist makes requests until one succeeds.
func (r *running) insist(ctx context.Context, b *browser, o order, rng *rand.Rand) {
	if r.plan.settings.FailSilently {
		o.commit = "once"
	}
	last := history.Op{}
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline) && ctx.Err() == nil; rest(ctx, 20*time.Millisecond) {
		last = b.ask(ctx, 99, r.servers[rng.IntN(len(r.servers))], o)
		if last.Outcome == wire.Done && !last.Reply.Detached {
			return
		}
		if o.path == "signout" && last.Outcome == wire.Done {
			return
		}
	}
	r.violations = append(r.violations, history.Violation{Check: "recovery", Text: fmt.Sprintf("no %s succeeds for %v after the last fault: %s %s", o.path, recovery, last.Outcome, last.Reason)})
}

// expire has all sessions expire: their time is over, and their ends are due. A call that is still late would
// come after the end of its session, as if it had been late by a whole timeout.
func (r *running) expire(ctx context.Context) error {
	for _, p := range r.proxies {
		p.AwaitLate()
	}
	app := r.plan.settings.App
	r.forced = wire.Now()
	alive, err := r.keys(ctx, "{"+app+"_*}_Timeout")
	if err != nil {
		return err
	}
	for _, key := range alive {
		if err := r.client.Del(ctx, key).Err(); err != nil {
			return err
		}
	}
	return r.due(ctx)
}

// due makes all ends due.
func (r *running) due(ctx context.Context) error {
	indexes, err := r.keys(ctx, "{"+r.plan.settings.App+"_Ends_*}")
	if err != nil {
		return err
	}
	for _, index := range indexes {
		entries, err := r.client.ZRange(ctx, index, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := r.client.ZAddXX(ctx, index, redis.Z{Score: 1, Member: e}).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitEnds waits until the end of each session that is known was handled. If that takes too long, the
// check finds out which is missing.
func (r *running) awaitEnds(ctx context.Context) error {
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline); {
		record, err := r.record()
		if err != nil {
			return err
		}
		if record.EndsMissing() == 0 {
			return nil
		}
		if !rest(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}
