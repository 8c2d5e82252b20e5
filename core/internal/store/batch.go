package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// batches sends calls that come at the same moment in one pipeline. That spares Redis and
// this process most of what a call costs beside its work: reading, writing, and waking up.
//
// No call waits for another one to come. The first of a batch yields the processor once,
// so that what is ready to run does so, and then sends what has gathered: where there are
// cores to spare that is itself, and where there are not it is what was waiting for one.
type batches struct {
	mu   sync.Mutex
	open *batch // nil if there is none to join
}

// A batch is one pipeline of calls.
type batch struct {
	cmds  []redis.Cmder
	calls int
	// until is the latest deadline of the calls, zero if one of them has none.
	until time.Time
	// sent is closed when every call has its reply or its error. It is nil as long as
	// there is but one call.
	sent chan struct{}
}

const (
	// batchCalls is the most calls that share a batch.
	batchCalls = 64
	// batchBytes is how large the arguments of a call may be that shares one: others
	// would wait for it.
	batchBytes = 16 << 10
)

// errBatch is what the calls of a batch get whose sender did not come back, as a hook of
// the client panicked.
var errBatch = errors.New("the call was sent together with one that a hook of the client broke off")

// do sends the commands of one call, in this order and in one round trip, and returns when
// each has its reply or its error. A call under way ends with the client's own time limits;
// with the option ContextTimeoutEnabled also with the latest deadline of those that it is
// sent with. It is not ended by ctx being cancelled.
func (b *batches) do(ctx context.Context, client redis.UniversalClient, cmds ...redis.Cmder) {
	if err := ctx.Err(); err != nil {
		fail(cmds, err)
		return
	}
	if large(cmds) {
		send(ctx, client, cmds)
		return
	}
	own, first := b.join(ctx, cmds)
	if !first {
		<-own.sent
		return
	}
	runtime.Gosched()
	b.close(own)
	if own.sent == nil {
		send(ctx, client, cmds)
		return
	}
	own.send(ctx, client)
}

// join puts a call into the open batch, or into a new one that the caller is to send.
func (b *batches) join(ctx context.Context, cmds []redis.Cmder) (own *batch, first bool) {
	until, _ := ctx.Deadline()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil || b.open.calls == batchCalls {
		b.open = &batch{cmds: cmds, calls: 1, until: until}
		return b.open, true
	}
	own = b.open
	own.calls++
	own.cmds = append(own.cmds, cmds...)
	if own.sent == nil {
		own.sent = make(chan struct{})
	}
	if until.IsZero() || own.until.IsZero() {
		own.until = time.Time{}
	} else if until.After(own.until) {
		own.until = until
	}
	return own, false
}

// close lets nobody join a batch any more.
func (b *batches) close(own *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == own {
		b.open = nil
	}
}

// send sends a batch of several calls, none of which must end the others.
func (b *batch) send(ctx context.Context, client redis.UniversalClient) {
	came := false
	defer func() {
		if !came {
			fail(b.cmds, errBatch)
		}
		close(b.sent)
	}()
	ctx = context.WithoutCancel(ctx)
	if !b.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, b.until)
		defer cancel()
	}
	send(ctx, client, b.cmds)
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
