package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// batches sends calls of different requests in one pipeline where many are under way.
// That spares Redis and this process most of what a call costs beside its work: reading,
// writing, and waking up. As long as there are few, each is sent at once and alone.
type batches struct {
	mu     sync.Mutex
	flying int    // how many pipelines, and calls alone, are under way
	calls  int    // how many calls that is
	open   *batch // those that are to be sent next, nil if there are none
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
	// farDeadline is how far away a deadline must be for the client's own time limits to
	// stand for it: as far as the time that go-redis gives a reply by default.
	farDeadline = 3 * time.Second
)

// errBatch is what the calls of a batch get that a hook of the client has broken off by a
// panic, since it is not known whose call that was about.
var errBatch = errors.New("a hook of the client panicked in a pipeline of several calls, of which this was one")

// leftError says that a call was under way when its caller's context ended.
type leftError struct {
	cause error
	sent  <-chan struct{}
}

func (e *leftError) Error() string { return e.cause.Error() }
func (e *leftError) Unwrap() error { return e.cause }

// Settled returns what is closed when the call that failed with err is no longer under
// way, nil if it is not.
func Settled(err error) <-chan struct{} {
	var left *leftError
	if errors.As(err, &left) {
		return left.sent
	}
	return nil
}

// do sends the commands of one call, in this order and in one round trip, and returns when
// each has its reply or its error, which is the command's; or before that with an error,
// if ctx ends: the call may then still be under way, and its commands are not the caller's
// any more. A call that is sent alone, or that sends others along and has no near deadline,
// ends with ctx only as far as the client sees to it.
func (b *batches) do(ctx context.Context, client redis.UniversalClient, cmds ...redis.Cmder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if large(cmds) {
		send(ctx, client, cmds)
		return nil
	}
	own, first := b.join(cmds)
	switch {
	case own == nil:
		defer b.landed(1)
		send(ctx, client, cmds)
		return nil
	case first:
		b.await(own)
		if own.calls == 1 {
			defer b.landed(1)
			send(ctx, client, cmds)
			return nil
		}
		together := context.WithoutCancel(ctx) // none of the callers ends the calls of the others
		if deadline, set := ctx.Deadline(); !set || time.Until(deadline) > farDeadline {
			b.fly(together, client, own)
			return nil
		}
		go b.fly(together, client, own)
	}
	select {
	case <-own.sent:
		return nil
	case <-ctx.Done():
		return &leftError{ctx.Err(), own.sent}
	}
}

// join puts a call into the open batch, or into a new one, which the caller is to see to;
// or returns nil if the caller is to send the call at once.
func (b *batches) join(cmds []redis.Cmder) (own *batch, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		if b.room() {
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

// room tells whether one more may be under way.
func (b *batches) room() bool {
	return b.flying < fewFlights || b.flying < manyFlights && b.calls < manyCalls
}

// release lets a batch leave.
func (b *batches) release(own *batch) {
	if own.leaving {
		return
	}
	own.leaving = true
	b.flying++
	close(own.leave)
}

// await returns when a batch is to leave. Nobody joins it any more.
func (b *batches) await(own *batch) {
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

// landed gives the place of a pipeline that has come back to those that wait.
func (b *batches) landed(calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flying--
	b.calls -= calls
	if b.open != nil && b.room() {
		b.release(b.open)
	}
}

// fly sends a batch of several calls. It ends with the client's own time limits, whoever
// still waits for it: so it is a goroutine of its own where the first caller has a near
// deadline.
func (b *batches) fly(ctx context.Context, client redis.UniversalClient, own *batch) {
	came := false
	defer func() {
		if !came {
			_ = recover()
			fail(own.cmds, errBatch)
		}
		close(own.sent)
		b.landed(own.calls)
	}()
	send(ctx, client, own.cmds)
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
