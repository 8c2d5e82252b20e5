package retry

import (
	"context"
	"errors"
	"time"
)

// Caller makes the calls to Redis of one manager. It is safe for concurrent use.
type Caller struct {
	Timeout time.Duration // how long a failed call is tried again, 0 for not at all
	Idle    func() int    // how many connections of the client are idle now

	// OnRetry is called before each try but the first, with how many tries there were and what the
	// last of them has failed with.
	OnRetry func(ctx context.Context, attempt int, err error)
}

// Failure is the last error of a call that berth does not repeat any more.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns what Redis or the connection said.
func (f *Failure) Unwrap() error { return f.Err }

// Call calls try on the schedule of [Repeat]. If a connection turns out to be dead, Call uses another
// one at once. All idle connections may be dead, so it does that once for each of them, and once
// more. The number of the attempt starts at 0.
//
// A reply may be lost, so a second try must do the same as the first. Closing stop ends the
// waiting between two tries; then the error is [ErrStopped]. Any other error is a [*Failure].
func (c *Caller) Call(ctx context.Context, stop <-chan struct{}, try func(attempt int) error) error {
	attempt, spare := 0, -1 // connections that may still be dead; negative before the first dead one
	var last error
	err := Repeat(ctx, stop, c.Timeout, Heals, func(int) error {
		for {
			if attempt > 0 {
				c.OnRetry(ctx, attempt, last)
			}
			err := try(attempt)
			attempt, last = attempt+1, err
			if !Broken(err) || spare == 0 {
				return err
			}
			if spare < 0 {
				spare = c.Idle() + 1
			}
			spare--
		}
	})
	if err == nil || errors.Is(err, ErrStopped) {
		return err
	}
	return &Failure{err}
}
