package wake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/subscription"
)

// Waker hears which tokens got a lease. The first [Waker.Register] starts its goroutines.
// [Waker.Close] ends them. Messages may be lost, so waiters must also ask Redis themselves now and
// then. It is safe for concurrent use.
type Waker struct {
	client  redis.UniversalClient
	channel string
	shards  *shards // only on a cluster, else nil

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
	ready   atomic.Bool // the server has confirmed the subscription to channel

	mu      sync.Mutex
	started bool
	closed  bool
	waiters map[string]chan struct{}
	early   [16]string // the last tokens that came before their Register
	next    int        // the place in early for the next such token
	missed  int        // how many leases in a row came without a message
}

// New returns a Waker that listens on channel. On a cluster whose servers have sharded pub/sub
// (Redis 7), it listens on the channel that sharded returns for a session.
func New(client redis.UniversalClient, channel string, sharded func(session string) string) *Waker {
	w := &Waker{client: client, channel: channel, waiters: make(map[string]chan struct{})}
	w.ctx, w.stop = context.WithCancel(context.Background())
	if cluster, ok := client.(*redis.ClusterClient); ok {
		w.shards = &shards{w: w, cluster: cluster, channel: sharded, all: make(map[string]*shard)}
	}
	return w
}

// Sharded tells whether the client is a cluster client.
func (w *Waker) Sharded() bool { return w.shards != nil }

// Register returns a channel. It receives when the token may have got the lease of the session.
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

// Unregister forgets a token: its channel receives nothing more.
func (w *Waker) Unregister(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, token)
}

// Missed notes that a token got a lease without a message.
func (w *Waker) Missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed++
}

// Ready tells whether a waiter for a session may rely on messages. The server must have confirmed
// the subscription, and the last three leases must not all have come without a message. (They do if
// PUBLISH is forbidden.)
func (w *Waker) Ready(session string) bool {
	if !w.ready.Load() && (w.shards == nil || !w.shards.ready(session)) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed < 3
}

// Close ends the subscriptions and waits for the goroutines. A second Close does nothing.
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

// wake wakes the waiter whose token got a lease.
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

// wakeAll wakes all waiters, so that they ask Redis.
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
