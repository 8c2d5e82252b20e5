// Package wake tells waiters that a lease was handed to them: by one subscription on
// one connection for all waiters of a process, and on a cluster by one for each master
// that has a session which somebody waits for.
package wake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/subscription"
)

// Waker hears which tokens were handed a lease. Nothing runs before the first
// [Waker.Register]; then goroutines do, until [Waker.Close]. Messages may be lost:
// waiters must look for themselves now and then. It is safe for concurrent use.
type Waker struct {
	client  redis.UniversalClient
	channel string
	shards  *shards // nil but on a cluster

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
	ready   atomic.Bool // the subscription to channel stands

	mu      sync.Mutex
	started bool
	closed  bool
	waiters map[string]chan struct{}
	early   [16]string // the last tokens that nobody had registered yet
	next    int        // where the next of them goes
	missed  int        // hand-overs in a row that came without a message
}

// New returns a Waker that listens on channel; or on a cluster whose servers have
// sharded pub/sub (Redis 7), on the channel that sharded names for a session.
func New(client redis.UniversalClient, channel string, sharded func(session string) string) *Waker {
	w := &Waker{client: client, channel: channel, waiters: make(map[string]chan struct{})}
	w.ctx, w.stop = context.WithCancel(context.Background())
	if cluster, ok := client.(*redis.ClusterClient); ok {
		w.shards = &shards{w: w, cluster: cluster, channel: sharded, all: make(map[string]*shard)}
	}
	return w
}

// Sharded tells whether the client is one of a cluster.
func (w *Waker) Sharded() bool { return w.shards != nil }

// Register returns a channel that receives when the token may have been handed the
// lease of a session.
func (w *Waker) Register(session, token string) <-chan struct{} {
	woken := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiters[token] = woken
	if slices.Contains(w.early[:], token) {
		woken <- struct{}{}
	}
	switch {
	case w.closed:
	case w.shards != nil && !w.shards.unsupported.Load():
		w.running.Go(func() { w.shards.watch(session) })
	case !w.started:
		w.started = true
		w.running.Go(w.listen)
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

// Ready tells whether who waits for a session may rely on messages: the subscription
// stands, and messages have not been missing lately, as they are where PUBLISH is
// forbidden.
func (w *Waker) Ready(session string) bool {
	if !w.ready.Load() && (w.shards == nil || !w.shards.ready(session)) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed < 3
}

// Close ends the subscriptions and waits for the goroutines. Closing twice is
// harmless.
func (w *Waker) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.stop()
	w.running.Wait()
}

// listen keeps the subscription to channel until Close.
func (w *Waker) listen() {
	subscription.Keep(w.ctx, subscription.Subscription{
		Open: func(ctx context.Context) *redis.PubSub { return w.client.Subscribe(ctx, w.channel) },
		Hear: func(message any) {
			switch message := message.(type) {
			case *redis.Subscription:
				w.ready.Store(message.Kind == "subscribe")
			case *redis.Message:
				w.wake(message.Payload)
			}
		},
		Lost: func() { w.ready.Store(false) },
	})
}

// wake wakes the waiter of a token that was handed a lease.
func (w *Waker) wake(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed = 0
	woken, waits := w.waiters[token]
	if !waits {
		w.early[w.next] = token
		w.next = (w.next + 1) % len(w.early)
		return
	}
	signal(woken)
}

// wakeAll has all waiters look for themselves.
func (w *Waker) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, woken := range w.waiters {
		signal(woken)
	}
}

func signal(woken chan<- struct{}) {
	select {
	case woken <- struct{}{}:
	default: // woken already
	}
}
