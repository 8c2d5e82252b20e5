package ends

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// handle runs the handler for what was claimed at that time, gives its slot back, and then reports
// what has failed: OnFailed may close the tasks, which waits for the slots.
func (s *sweeper) handle(c store.Claimed, token string, claimed time.Time) {
	ctx := context.Background()
	for _, err := range s.handleInSlot(ctx, c, token, claimed) {
		s.OnFailed(ctx, err)
	}
}

func (s *sweeper) handleInSlot(ctx context.Context, c store.Claimed, token string, claimed time.Time) (failed []error) {
	defer func() { <-s.slots }()
	note := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	expires := claimed.Add(s.ClaimTTL)
	if !time.Now().Before(expires) {
		return nil // the claim may be another's by now
	}
	if err := s.Genuine(c); err != nil {
		note(fmt.Errorf("session: an end is kept aside: %w", err))
		note(s.putAside(c.Handle, token))
		return failed
	}
	if c.Meta.Attempt > s.Attempts {
		note(s.putAside(c.Handle, token))
		return failed
	}
	if c.Meta.Attempt > 1 {
		s.OnRedelivered()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var unsettled error
	done := make(chan error, 1)
	go func() {
		err := errors.New("session: the handler of ends did not return, but called runtime.Goexit; as t.FailNow does")
		defer func() { done <- err }()
		if err = s.callHandler(ctx, c); err == nil {
			unsettled = s.settled(c, token)
		}
	}()
	err := s.renewUntil(c.Handle, token, expires, cancel, done)
	switch {
	case err == nil:
		note(unsettled)
	case c.Meta.Attempt >= s.Attempts:
		note(fmt.Errorf("%w; that was the last attempt, it is kept aside: see Manager.EndsAside and ReplayEnd", err))
		note(s.putAside(c.Handle, token))
	default:
		note(err)
		note(s.finish(func(ctx context.Context) error { return s.Store.GiveBack(ctx, c.Handle, token) }))
	}
	return failed
}

// callHandler calls the handler, and turns a panic of it into an error.
func (s *sweeper) callHandler(ctx context.Context, c store.Claimed) (err error) {
	failed := func(format string, args ...any) error {
		return fmt.Errorf("session: the handler of ends, session %s, attempt %d: "+format, append([]any{c.Handle, c.Meta.Attempt}, args...)...)
	}
	defer func() {
		if p := recover(); p != nil {
			s.Logger.ErrorContext(ctx, "panic in a handler of session ends",
				"app", s.App, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = failed("panic with a %T", p)
		}
	}()
	if err := s.handler(ctx, c); err != nil {
		return failed("%w", err)
	}
	return nil
}

// keep is how long the data of an ended session are kept after each attempt.
func (e *Ends) keep() time.Duration { return max(e.Retention, 2*(e.ClaimTTL+e.Sweep)) }

// renewUntil renews a claim until its handler is done, and returns the handler's error. It ends the
// handler's context at the moment at which the claim may be another's, however long a renewal
// takes.
func (s *sweeper) renewUntil(handle, token string, expires time.Time, cancel context.CancelCauseFunc, done <-chan error) error {
	ticker := time.NewTicker(s.ClaimTTL / 3)
	defer ticker.Stop()
	expiry := time.AfterFunc(time.Until(expires), func() { cancel(s.ClaimLost) })
	defer expiry.Stop()
	for {
		select {
		case err := <-done:
			return err
		case now := <-ticker.C:
			ctx, end := context.WithDeadline(context.Background(), expires)
			status, err := s.Store.RenewClaim(ctx, handle, token, s.keep())
			end()
			switch {
			case err != nil: // the next tick tries again
			case status != store.Done:
				cancel(s.ClaimLost)
			case expiry.Stop():
				expires = now.Add(s.ClaimTTL)
				expiry.Reset(time.Until(expires))
			}
		}
	}
}

func (s *sweeper) putAside(handle, token string) error {
	s.OnAside(handle)
	return s.finish(func(ctx context.Context) error { return s.Store.PutAside(ctx, handle, token) })
}

// finish makes the call that ends a claim. If that fails, or is not repeated because of Close, the
// claim runs out.
func (s *sweeper) finish(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.Caller.Timeout+tasks.CleanupTime)
	defer cancel()
	return s.Caller.Call(ctx, s.Tasks.Context().Done(), func(int) error { return f(ctx) })
}
