package watch

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/subscription"
)

// listen keeps the process's subscription, until the tasks end.
func (all *Watches) listen() {
	subscription.Keep(all.Tasks.Context(), subscription.Subscription{
		Open: func(ctx context.Context) *redis.PubSub {
			return all.Store.Client.Subscribe(ctx, all.Store.Keys.Watch())
		},
		Hear: func(message any) {
			switch message := message.(type) {
			case *redis.Subscription:
				all.subscribed()
			case *redis.Message:
				all.told(message.Payload)
			}
		},
		Lost: func() {}, // the looks go on
	})
}

// subscribed has all sessions looked at, since messages may have come before the subscription. After the
// first time it spreads that: a failover makes all processes subscribe anew.
func (all *Watches) subscribed() {
	all.mu.Lock()
	defer all.mu.Unlock()
	soon := time.Now()
	if all.confirmed {
		soon = soon.Add(rand.N(spread)) //nolint:gosec // no secret depends on it
	}
	all.confirmed = true
	if soon.Before(all.round) {
		all.round = soon
	}
	all.wake()
}

// told has a session looked at, if it is watched here.
func (all *Watches) told(handle string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s := all.sessions[handle]; s != nil {
		all.schedule(handle, s, time.Now())
		all.wake()
	}
}
