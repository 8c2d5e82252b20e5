package store

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Batches send calls of different requests in one pipeline if there are many calls. That saves Redis
// and this process most of what a call costs beside its work: reading, writing, and waking up. If
// there are few calls, each call is sent at once and alone.
//
// The client must not retry a pipeline by itself: that would repeat calls that were answered.
type Batches struct {
	// Crowd is how many calls within 4 ms are many. With fewer calls, Redis and this process have
	// time enough. Besides, while a process sleeps, its timers are late by as much as 1 ms.
	Crowd int
	// Near is how fast a server must have replied, at least once. Only then does a call wait for
	// another call to come back, because from such a server it comes back soon.
	Near time.Duration
	// Far is how far away the deadline of a call must be, so that the client's own time limits can
	// take its place; 0 if no deadline is far enough. A call with a nearer deadline goes alone: it
	// must not end the calls of others.
	Far time.Duration
	// OnBatch is called when calls were sent together, with how many. May be nil.
	OnBatch func(ctx context.Context, calls int)

	mu     sync.Mutex
	flying int    // how many pipelines, and calls alone, are under way
	calls  int    // how many calls they carry
	open   *batch // the calls to send next, nil if there are none

	since time.Time // when the current span began
	came  int       // calls in the current span
	busy  bool      // the span before had a crowd

	near atomic.Bool // a reply has come within Near
}

// NewBatches returns batches for 16,000 calls a second and more, to a server in the same network. The
// client waits for readTimeout for a reply.
func NewBatches(readTimeout time.Duration) *Batches {
	return &Batches{Crowd: 64, Near: batchWait, Far: max(0, readTimeout)}
}

// A batch is one pipeline of calls. The caller of its first call sends it.
type batch struct {
	cmds  []redis.Cmder
	calls int
	// leaving tells that the batch counts as under way; leave is then closed. Calls still join it
	// until the first caller sends it.
	leaving bool
	leave   chan struct{}
	// sent is closed when every call has its reply or its error.
	sent chan struct{}
}

const (
	// crowdSpan is how long calls are counted at a time.
	crowdSpan = 4 * time.Millisecond
	// Calls wait for a pipeline to come back if manyFlights pipelines are under way. They also wait
	// if fewFlights are under way that carry manyCalls together. Two pipelines save Redis most, but
	// a limit of two alone would slow down four clients by a third.
	fewFlights, manyFlights, manyCalls = 2, 4, 8
	// batchWait is how long a call waits at most. If a round trip takes several times as long, more
	// pipelines are under way.
	batchWait = 250 * time.Microsecond
	// batchCalls is the most calls that share a batch.
	batchCalls = 64
	// batchBytes is how large the arguments of a call may be if it shares a batch: the other calls
	// would wait for a larger one.
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

// do sends the commands of one call, in this order and in one round trip. Other calls may share the
// round trip. do returns when each command has its reply or its error. If the round trip is shared,
// the client's own time limits end it, and not ctx.
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

// hurried tells whether the deadline of a call may come before the client's own time limits.
func (b *Batches) hurried(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return set && (b.Far == 0 || time.Until(deadline) < b.Far)
}

// join puts a call into the open batch, or into a new one. The caller must send the batch if first is
// true. If own is nil, the caller must send the call at once.
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

func (b *Batches) count() {
	now := time.Now()
	if span := now.Sub(b.since); span >= crowdSpan {
		b.busy = span <= crowdSpan*time.Duration(b.came)/time.Duration(b.Crowd)
		b.since, b.came = now, 0
	}
	b.came++
}

// room tells whether one more pipeline may be under way.
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

// await waits until a batch is to leave. After that, no call joins it.
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

// landed notes that a pipeline has come back. Its place goes to the batch that waits.
func (b *Batches) landed(calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.calls -= calls
	if b.open != nil && b.room() {
		b.release(b.open)
	}
}

// fly sends a batch of several calls. Only the client's own time limits end it: the context of the
// first caller must not end the calls of the others.
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
	if b.OnBatch != nil {
		b.OnBatch(ctx, own.calls)
	}
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

// large tells whether a call has more than batchBytes of arguments.
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
