package retry

import (
	"context"
	"errors"
	"time"
)

// The schedule is the one of ASP.NET's Redis session provider. The first retry comes soon, because
// most faults are a dropped connection. The others come slowly.
const (
	First = 20 * time.Millisecond
	Every = time.Second
)

// ErrStopped says that the stop channel was closed between two tries.
var ErrStopped = errors.New("stopped between two tries")

// Repeat calls try, with attempts that count from 0, until try succeeds or fails with an error that
// does not heal. When timeout has passed since the start, it calls try one last time at once. With
// a timeout of 0 there is one try. With any other there are at least two.
//
// A wait ends with ctx, or when stop is closed. The error then wraps both the reason and the last
// failure.
func Repeat(ctx context.Context, stop <-chan struct{}, timeout time.Duration, heals func(error) bool, try func(attempt int) error) error {
	start, wait, last := time.Now(), First, timeout == 0
	for attempt := 0; ; attempt++ {
		err := try(attempt)
		if err == nil || last || !heals(err) {
			return err
		}
		left := timeout - time.Since(start)
		if left <= wait {
			wait, last = left, true
		}
		if errEnded := sleep(ctx, stop, wait); errEnded != nil {
			return errors.Join(errEnded, err)
		}
		wait = Every
	}
}

func sleep(ctx context.Context, stop <-chan struct{}, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-stop:
		return ErrStopped
	}
}
