//go:build testall

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// rig is what the turns have in common: one Redis, one worker that handles ends, and clients that keep
// their cookies from one server to the next.
type rig struct {
	testing.TB
	out    io.Writer
	server *redistest.Server
	look   *redis.Client
	worker *session.Manager
	ends   tally

	clients  []*client
	patience time.Duration // how long it waits for goroutines to end
	warm     atomic.Bool   // this turn's warm-up is over
	made     tally         // sessions of the floods
	began    time.Time
}

const maxWaiters = 128 // the default

func options() session.Options {
	return session.Options{
		App: "load", MaxWaiters: maxWaiters, TrackEnd: true, EndNotifications: true, EndSweep: time.Second,
		// A busy machine may keep a call from its answer for longer than the time-out. The load is not about that.
		RetryTimeout: 10 * time.Second,
		Logger:       slog.New(slog.DiscardHandler),
	}
}

func newRig(t testing.TB, out io.Writer, clients, sessions int) *rig {
	t.Helper()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		TB: t, out: out, server: server, look: redis.NewClient(&redis.Options{Addr: server.Addr(), PoolSize: 1}),
		patience: 15 * time.Second, began: time.Now(),
	}
	for i := range clients {
		r.clients = append(r.clients, newClient(i, (sessions+i)/clients))
	}
	r.worker = r.manager()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- r.worker.HandleEnd(ctx, func(_ context.Context, e session.Ended) error { r.ends.add(e.Handle); return nil })
	}()
	t.Cleanup(func() {
		stop()
		err := errors.Join(<-ended, r.worker.Close(), r.look.Close(), server.Stop())
		if err != nil {
			t.Error(err)
		}
	})
	r.until("the worker listens", func() bool {
		patterns, err := r.look.PubSubNumPat(t.Context()).Result()
		return err == nil && patterns > 0
	})
	return r
}

// until polls for what must become true.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for end := time.After(patience); !ok(); {
		select {
		case <-end:
			r.Fatalf("it never happened: %s", what)
		case <-poll.C:
		}
	}
}

func (r *rig) manager() *session.Manager {
	r.Helper()
	m, err := session.Open(session.Config{URL: r.server.URL()}, options())
	if err != nil {
		r.Fatal(err)
	}
	return m
}

func (r *rig) say(format string, args ...any) {
	fmt.Fprintf(r.out, "%6.1f s  "+format+"\n", append([]any{time.Since(r.began).Seconds()}, args...)...)
}

// round is what clients did in a time.
type round struct {
	requests int
	rate     float64 // per second
	p50, p99 time.Duration
}

func (r round) String() string {
	return fmt.Sprintf("%7d requests  %6.0f/s  p50 %5.1f ms  p99 %5.1f ms", r.requests, r.rate, ms(r.p50), ms(r.p99))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// load lets all clients work for a time, and returns when each has its last answer.
func (r *rig) load(d time.Duration) round {
	r.Helper()
	return r.each(func(c *client) error {
		for start := time.Now(); time.Since(start) < d; {
			from := time.Now()
			if err := c.work(); err != nil {
				return err
			}
			c.latency.add(time.Since(from))
		}
		return nil
	})
}

// each calls f for all clients at the same time.
func (r *rig) each(f func(c *client) error) round {
	r.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(r.clients))
	start := time.Now()
	for i, c := range r.clients {
		c.latency = histogram{}
		all.Go(func() { errs[i] = f(c) })
	}
	all.Wait()
	took := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		r.Fatalf("clients did not get what they must:\n%.2000s", err)
	}
	var sum histogram
	for _, c := range r.clients {
		sum.merge(&c.latency)
	}
	return round{sum.total, float64(sum.total) / took.Seconds(), sum.quantile(0.5), sum.quantile(0.99)}
}

// ended waits until the index of ends has the clients' sessions and no others.
func (r *rig) ended() {
	r.Helper()
	live := 0
	for _, c := range r.clients {
		live += len(c.held)
	}
	r.until("all ends are handled, and none is put aside", func() bool {
		n, err := r.worker.CountEnds(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		return n.Tracked == live && n.Aside == 0
	})
}
