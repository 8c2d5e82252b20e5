// Package wake tells waiters that a lease was handed to them: one subscription
// on one connection for all waiters of a process.
package wake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/subscription"
)

// Subscriber is what the package needs of a Redis client.
type Subscriber interface {
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
}

// Waker hears on a channel which tokens were handed a lease. Nothing runs
// before the first [Waker.Register]; then one goroutine does, until
// [Waker.Close]. Messages may be lost: waiters must look for themselves now and
// then. It is safe for concurrent use.
type Waker struct {
	client  Subscriber
	channel string
	ready   atomic.Bool

	mu      sync.Mutex
	waiters map[string]chan struct{}
	early   [16]string         // the last tokens that nobody had registered yet
	next    int                // where the next of them goes
	missed  int                // hand-overs in a row that came without a message
	stop    context.CancelFunc // nil before the goroutine runs
	stopped chan struct{}
	closed  bool
}

// New returns a Waker that listens on channel.
func New(client Subscriber, channel string) *Waker {
	return &Waker{client: client, channel: channel, waiters: make(map[string]chan struct{})}
}

// Register returns a channel that receives when the token was handed a lease.
func (w *Waker) Register(token string) <-chan struct{} {
	woken := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiters[token] = woken
	if slices.Contains(w.early[:], token) {
		woken <- struct{}{}
	}
	if w.stop == nil && !w.closed {
		ctx, stop := context.WithCancel(context.Background())
		w.stop, w.stopped = stop, make(chan struct{})
		go w.listen(ctx)
	}
	return woken
}

// Unregister forgets a token.
func (w *Waker) Unregister(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, token)
}

// Missed notes that a token was handed a lease and not told so.
func (w *Waker) Missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed++
}

// Ready tells whether waiters may rely on messages: the subscription stands, and
// messages have not been missing lately, as they are where PUBLISH is forbidden.
func (w *Waker) Ready() bool {
	if !w.ready.Load() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed < 3
}

// Close ends the subscription and waits for its goroutine. Closing twice is
// harmless.
func (w *Waker) Close() {
	w.mu.Lock()
	w.closed = true
	stop, stopped := w.stop, w.stopped
	w.mu.Unlock()
	if stop != nil {
		stop()
		<-stopped
	}
}

// listen keeps a subscription until ctx ends.
func (w *Waker) listen(ctx context.Context) {
	defer close(w.stopped)
	subscription.Keep(ctx, subscription.Subscription{
		Open: func(ctx context.Context) *redis.PubSub { return w.client.Subscribe(ctx, w.channel) },
		Hear: w.hear,
		Lost: func() { w.ready.Store(false) },
	})
}

func (w *Waker) hear(message any) {
	switch message := message.(type) {
	case *redis.Subscription:
		w.ready.Store(message.Kind == "subscribe")
	case *redis.Message:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.missed = 0
		woken, waits := w.waiters[message.Payload]
		if !waits {
			w.early[w.next] = message.Payload
			w.next = (w.next + 1) % len(w.early)
			return
		}
		select {
		case woken <- struct{}{}:
		default: // woken already
		}
	}
}
