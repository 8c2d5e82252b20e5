package tasks

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
)

// ErrClosed says that the tasks were closed.
var ErrClosed = errors.New("closed")

// CleanupTime is how long a call may take that only tidies up, such as giving up a lease after
// a rollback.
const CleanupTime = 5 * time.Second

// Tasks are what runs beside the requests of one manager. It is safe for concurrent use.
type Tasks struct {
	patience time.Duration
	ctx      context.Context // ends with Close, by the cause ErrClosed
	cancel   context.CancelCauseFunc

	insisting atomic.Int32 // how many of Insist there are

	closing sync.RWMutex // guards the step from ctx to running
	running sync.WaitGroup
}

// New returns tasks of which [Tasks.Later] is tried for as long as patience.
func New(patience time.Duration) *Tasks {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Tasks{patience: patience, ctx: ctx, cancel: cancel}
}

// Context ends with Close, by the cause [ErrClosed].
func (t *Tasks) Context() context.Context { return t.ctx }

// Closed tells whether Close was called.
func (t *Tasks) Closed() bool { return t.ctx.Err() != nil }

// Stop tells all tasks to end, and lets no other begin.
func (t *Tasks) Stop() {
	t.closing.Lock()
	t.cancel(ErrClosed)
	t.closing.Unlock()
}

// Close stops all tasks and waits for them: [Tasks.Later] ends with its next failure, and [Tasks.Go]
// when it is done, within [CleanupTime]. To close twice is harmless.
func (t *Tasks) Close() {
	t.Stop()
	t.running.Wait()
}

// Add counts the caller among the tasks, unless Close was called. Where it returns true, the
// caller must call [Tasks.Done] at the end.
func (t *Tasks) Add() bool {
	t.closing.RLock()
	defer t.closing.RUnlock()
	if t.Closed() {
		return false
	}
	t.running.Add(1)
	return true
}

// Done ends what [Tasks.Add] has begun.
func (t *Tasks) Done() { t.running.Done() }

// Go runs f once, within [CleanupTime], and then hands its error to failed if there is one.
// Close waits for f and not for failed. After Close, f and failed run in the caller's goroutine.
func (t *Tasks) Go(f func(ctx context.Context) error, failed func(err error)) {
	hear := func(err error) {
		if err != nil {
			failed(err)
		}
	}
	if !t.Add() {
		hear(once(f))
		return
	}
	go func() {
		err := once(f)
		t.Done()
		hear(err)
	}()
}

// Later runs f, again and again, until it succeeds, its error does not heal, the patience has passed,
// or Close is called. After Close, f runs once, in the caller's goroutine, within [CleanupTime].
func (t *Tasks) Later(f func(ctx context.Context) error) { t.later(t.patience, f, func() {}) }

// Insist is [Tasks.Later] without an end to the patience. It is for what must happen although its caller
// has got its answer already, and what nobody else would do. While 1000 of them run, another is as by Later.
func (t *Tasks) Insist(f func(ctx context.Context) error) {
	if t.insisting.Add(1) > insistAtMost {
		t.insisting.Add(-1)
		t.Later(f)
		return
	}
	t.later(endless, f, func() { t.insisting.Add(-1) })
}

const (
	insistAtMost = 1000
	endless      = time.Duration(math.MaxInt64)
)

func (t *Tasks) later(patience time.Duration, f func(ctx context.Context) error, ended func()) {
	if !t.Add() {
		_ = once(f)
		ended()
		return
	}
	go func() {
		defer t.Done()
		defer ended()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = retry.Repeat(ctx, t.ctx.Done(), patience, retry.Heals, func(int) error { return f(ctx) })
	}()
}

func once(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), CleanupTime)
	defer cancel()
	return f(ctx)
}
