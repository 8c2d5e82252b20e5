package redistest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// poll calls try until it succeeds, for waitTimeout at most. The error names what, and holds the
// last reason. [ErrStopped] ends poll at once: no later try can succeed.
func poll(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var why error
	for wait := pollFirst; ; wait = min(2*wait, pollAtMost) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("redistest: %s: %w", what, errors.Join(why, ctx.Err()))
		case <-timer.C:
		}
		err := try(ctx)
		if err == nil || errors.Is(err, ErrStopped) {
			return err
		}
		if deadline, _ := ctx.Deadline(); why == nil || ctx.Err() == nil && time.Now().Before(deadline) {
			why = err // a better reason than that the time is over
		}
		timer.Reset(wait)
	}
}
