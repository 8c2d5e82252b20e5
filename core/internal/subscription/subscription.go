package subscription

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
)

const (
	// idle is how long the connection may be silent. Then Listen sends a PING. If there is no
	// answer for as long again, the connection is replaced.
	idle = 15 * time.Second
	// When a subscription has failed, Keep waits for reconnect, and then opens it anew. If the server has
	// refused it, because a permission is missing or the command is unknown, Keep waits for refused.
	reconnect = 250 * time.Millisecond
	refused   = 30 * time.Second
)

// Subscription is what to subscribe to, and who hears the messages. The functions are called one at a
// time.
type Subscription struct {
	Open func(ctx context.Context) *redis.PubSub
	Hear func(message any) // a *redis.Message or *redis.Subscription
	Lost func()            // the subscription has ended; Keep opens it again
}

// Keep keeps a subscription open until ctx ends: it opens it again after each failure.
func Keep(ctx context.Context, s Subscription) {
	for ctx.Err() == nil {
		err := s.Listen(ctx)
		s.Lost()
		pause := reconnect
		if answer := redis.Error(nil); errors.As(err, &answer) && !retry.Heals(err) {
			pause = refused
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// Listen listens until the subscription fails or ctx ends.
func (s Subscription) Listen(ctx context.Context) error {
	subscription := s.Open(ctx)
	ended := context.AfterFunc(ctx, func() { _ = subscription.Close() })
	defer func() {
		// If AfterFunc has begun, it closes the same subscription. That is harmless.
		ended()
		_ = subscription.Close()
	}()
	for silent := false; ; {
		message, err := subscription.ReceiveTimeout(ctx, idle)
		var network net.Error
		switch {
		case err == nil:
			silent = false
			s.Hear(message)
		case !silent && errors.As(err, &network) && network.Timeout():
			silent = true
			if err := subscription.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}
