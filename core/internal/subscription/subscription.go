// Package subscription keeps subscriptions to messages of Redis standing.
package subscription

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// idle is how long the connection may be silent before it is asked for a
	// sign of life; after twice that without one it is replaced.
	idle = 15 * time.Second
	// A subscription that failed is tried again after reconnect; one that the
	// server refused, for want of a permission, after refused.
	reconnect = 250 * time.Millisecond
	refused   = 30 * time.Second
)

// Subscription is what to subscribe to, and who hears of it. The functions are called
// one at a time.
type Subscription struct {
	Open func(ctx context.Context) *redis.PubSub
	Hear func(message any) // a *redis.Message or *redis.Subscription
	Lost func()            // the subscription fell; it will be tried again
}

// Keep keeps a subscription standing until ctx ends.
func Keep(ctx context.Context, s Subscription) {
	for ctx.Err() == nil {
		err := s.Listen(ctx)
		s.Lost()
		pause := reconnect
		if redis.HasErrorPrefix(err, "NOPERM") {
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
		// Where AfterFunc has begun, it closes what is closed here too.
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
