// Package retry is the one schedule on which failed calls are tried again.
package retry

import (
	"context"
	"errors"
	"time"
)

// The schedule is that of ASP.NET's Redis session provider: the first retry
// comes soon, since most faults are a dropped connection, the others slowly.
const (
	First = 20 * time.Millisecond
	Every = time.Second
)

// ErrStopped says that waiting for the next try was stopped.
var ErrStopped = errors.New("stopped between two tries")

// Do calls try, counting from 0, until it succeeds, fails with an error that
// does not heal, or timeout has passed since the start: then it tries one last
// time at once. With a timeout of 0 there is one try; with any other there are
// at least two. A wait ends with ctx; the error then wraps both what ended ctx
// and the last failure.
func Do(ctx context.Context, stop <-chan struct{}, timeout time.Duration, heals func(error) bool, try func(attempt int) error) error {
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
