package ends

import (
	"context"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// settlement is a session whose end was handled.
type settlement struct {
	store.Handling
	done chan<- error
}

// settled waits until a session whose end was handled is deleted. Its claim is renewed meanwhile. If the
// deletion fails, the end is handed out once more.
func (s *sweeper) settled(c store.Claimed, token string) error {
	done := make(chan error, 1)
	s.handled <- settlement{store.Handling{Handle: c.Handle, Token: token}, done}
	err := <-done
	if err == nil {
		s.OnHandled(time.Since(c.Meta.Ended))
	}
	return err
}

// settleAtMost is how many sessions are settled at once.
const settleAtMost = 128

// settle deletes sessions whose ends were handled, as many at once as there are, until the channel
// is closed. Once running has ended, it tries each batch once.
func (s *sweeper) settle(running context.Context) {
	for first := range s.handled {
		batch := []settlement{first}
		for more := true; more && len(batch) < settleAtMost; {
			select {
			case next, open := <-s.handled:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		handled := make([]store.Handling, len(batch))
		for i, one := range batch {
			handled[i] = one.Handling
		}
		// Without RetryTimeout too: else one lost reply has a whole batch handed out twice.
		caller := retry.Caller{Timeout: max(s.Caller.Timeout, s.ClaimTTL), Idle: s.Caller.Idle, OnRetry: s.Caller.OnRetry}
		ctx, cancel := context.WithTimeout(context.Background(), caller.Timeout+tasks.CleanupTime)
		err := caller.Call(ctx, running.Done(), func(int) error { return s.Store.Handled(ctx, handled) })
		cancel()
		for _, one := range batch {
			one.done <- err
		}
	}
}
