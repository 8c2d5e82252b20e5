package conformance

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// failures collects the errors that Hooks.OnError got.
type failures struct {
	mu   sync.Mutex
	errs []error
}

func (f *failures) add(_ context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *failures) all() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

// wire is between a manager and Redis.
type wire struct {
	trips atomic.Int64 // how many calls were made
	down  atomic.Bool  // every call fails
}

var _ redis.Hook = (*wire)(nil)

type errDown struct{}

func (errDown) Error() string   { return "the suite has cut the wire" }
func (errDown) Timeout() bool   { return true }
func (errDown) Temporary() bool { return true }

func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wire) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.trips.Add(1)
		if w.down.Load() {
			cmd.SetErr(errDown{})
			return errDown{}
		}
		return next(ctx, cmd)
	}
}

func (w *wire) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		w.trips.Add(1)
		if w.down.Load() {
			return errDown{}
		}
		return next(ctx, cmds)
	}
}
