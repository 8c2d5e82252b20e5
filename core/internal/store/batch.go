package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Batches send calls of different requests in one pipeline where there are many.
// That spares Redis and this process most of what a call costs beside its work: reading,
// writing, and waking up. Where there are few, each is sent at once and alone.
//
// The client must not try a pipeline again by itself, as that would repeat calls that were
// answered.
type Batches struct {
	// Crowd is how many calls within 4 ms are many. With fewer there is nothing to save
	// that would run short; and while a process sleeps its timers are late by as much
	// as 1 ms.
	Crowd int
	// Near is how soon a reply must have come, once at least, from a server that is so near
	// that to wait for another call to come back is not to wait for long.
	Near time.Duration
	// Far is how far away the deadline of a call must be for the client's own time limits
	// to stand for it, 0 if none is far enough. A call with another goes alone, as it must
	// not end those of others.
	Far time.Duration

	mu     sync.Mutex
	flying int    // how many pipelines, and calls alone, are under way
	calls  int    // how many calls that is
	open   *batch // those that are to be sent next, nil if there are none

	since time.Time // when the span began that is counted now
	came  int       // calls that came since then
	busy  bool      // there was a crowd in the span before

	near atomic.Bool // a reply has come that soon
}

// NewBatches returns batches for 16,000 calls a second and more, to a server in the same
// network, by a client that gives replies so much time.
func NewBatches(readTimeout time.Duration) *Batches {
	return &Batches{Crowd: 64, Near: batchWait, Far: max(0, readTimeout)}
}

// A batch is one pipeline of calls, of which the first to come sees to it.
type batch struct {
	cmds  []redis.Cmder
	calls int
	// leaving tells that it is counted among what is under way, and leave is closed then.
	// Until who sees to it gets there, calls still join it.
	leaving bool
	leave   chan struct{}
	// sent is closed when every call has its reply or its error.
	sent chan struct{}
}

const (
	// crowdSpan is how long calls are counted at a time.
	crowdSpan = 4 * time.Millisecond
	// fewFlights is how many pipelines are under way, and manyFlights how many if they
	// carry less than manyCalls together, before calls wait for one of them to come back.
	// Two spare Redis most, but would slow down four clients by a third.
	fewFlights, manyFlights, manyCalls = 2, 4, 8
	// batchWait is the longest that they wait. Where a round trip takes longer than a few
	// of it, as many pipelines are under way as it takes.
	batchWait = 250 * time.Microsecond
	// batchCalls is the most calls that share a batch.
	batchCalls = 64
	// batchBytes is how large the arguments of a call may be that shares one: others
	// would wait for it.
	batchBytes = 16 << 10
)

// errBatch is what each call of a batch gets if a hook of the client panics in it. It is not
// known which of the calls caused the panic, so each may be tried again.
var errBatch error = batchError{}

type batchError struct{}

func (batchError) Error() string {
	return "a hook of the client panicked in a pipeline of several calls, of which this was one"
}

// Heals tells package retry that another try may succeed.
func (batchError) Heals() bool { return true }

// do sends the commands of one call, in this order and in one round trip, which others may
// share. It returns when each has its reply or its error: with ctx as far as the client
// sees to it, or with the client's own time limits if it shares the round trip.
func (b *Batches) do(ctx context.Context, client redis.UniversalClient, cmds ...redis.Cmder) {
	if err := ctx.Err(); err != nil {
		fail(cmds, err)
		return
	}
	if b.hurried(ctx) || large(cmds) {
		send(ctx, client, cmds)
		return
	}
	own, first := b.join(cmds)
	switch {
	case own == nil:
		b.alone(ctx, client, cmds)
	case !first:
		<-own.sent
	default:
		b.await(own)
		if own.calls == 1 {
			b.alone(ctx, client, cmds)
			return
		}
		b.fly(ctx, client, own)
	}
}

// hurried tells whether a call may have to end before the client's own time limits do.
func (b *Batches) hurried(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return set && (b.Far == 0 || time.Until(deadline) < b.Far)
}

// join puts a call into the open batch, or into a new one, which the caller is to see to;
// or returns nil if the caller is to send the call at once.
func (b *Batches) join(cmds []redis.Cmder) (own *batch, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count()
	if b.open == nil {
		if !b.busy || !b.near.Load() || b.room() {
			b.flying++
			b.calls++
			return nil, false
		}
		b.open = &batch{cmds: slices.Clip(cmds), calls: 1, leave: make(chan struct{}), sent: make(chan struct{})}
		return b.open, true
	}
	own = b.open
	own.calls++
	own.cmds = append(own.cmds, cmds...)
	if own.calls == batchCalls {
		b.open = nil
		b.release(own)
	}
	return own, false
}

// count counts a call that comes now.
func (b *Batches) count() {
	now := time.Now()
	if span := now.Sub(b.since); span >= crowdSpan {
		b.busy = span <= crowdSpan*time.Duration(b.came)/time.Duration(b.Crowd)
		b.since, b.came = now, 0
	}
	b.came++
}

// room tells whether one more may be under way.
func (b *Batches) room() bool {
	return b.flying < fewFlights || b.flying < manyFlights && b.calls < manyCalls
}

// release lets a batch leave.
func (b *Batches) release(own *batch) {
	if own.leaving {
		return
	}
	own.leaving = true
	b.flying++
	close(own.leave)
}

// await returns when a batch is to leave. Nobody joins it any more.
func (b *Batches) await(own *batch) {
	timer := time.NewTimer(batchWait)
	defer timer.Stop()
	select {
	case <-own.leave:
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == own {
		b.open = nil
	}
	b.release(own)
	b.calls += own.calls
}

// alone sends one call.
func (b *Batches) alone(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) {
	defer b.landed(1)
	began := time.Now()
	send(ctx, client, cmds)
	if !b.near.Load() && cmds[0].Err() == nil && time.Since(began) <= b.Near {
		b.near.Store(true)
	}
}

// landed gives the place of a pipeline that has come back to those that wait.
func (b *Batches) landed(calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.calls -= calls
	if b.open != nil && b.room() {
		b.release(b.open)
	}
}

// fly sends a batch of several calls. It ends with the client's own time limits: what ends
// the first caller must not end the calls of the others.
func (b *Batches) fly(ctx context.Context, client redis.UniversalClient, own *batch) {
	came := false
	defer func() {
		if !came {
			_ = recover()
			fail(own.cmds, errBatch)
		}
		close(own.sent)
		b.landed(own.calls)
	}()
	send(context.WithoutCancel(ctx), client, own.cmds)
	came = true
}

func send(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) {
	if len(cmds) == 1 {
		_ = client.Process(ctx, cmds[0]) // the error is the command's
		return
	}
	pipeline := client.Pipeline()
	for _, cmd := range cmds {
		_ = pipeline.Process(ctx, cmd)
	}
	_, err := pipeline.Exec(ctx)
	if err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil }) {
		fail(cmds, err) // there was no connection to send them on
	}
}

func fail(cmds []redis.Cmder, err error) {
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
}

// large tells whether the arguments of a call are.
func large(cmds []redis.Cmder) bool {
	size := 0
	for _, cmd := range cmds {
		for _, arg := range cmd.Args() {
			switch v := arg.(type) {
			case string:
				size += len(v)
			case []byte:
				size += len(v)
			}
		}
	}
	return size > batchBytes
}
