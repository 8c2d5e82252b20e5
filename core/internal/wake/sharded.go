package wake

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/subscription"
)

// keptChannels is how many channels of a master stay subscribed, because somebody will wait for
// such a session again. The oldest goes first.
const keptChannels = 64

// shards are the subscriptions on the masters of a cluster. A message on a sharded channel stays on
// the servers that have the channel's slot. So the channel of a session is in the session's slot.
type shards struct {
	w           *Waker
	cluster     *redis.ClusterClient
	channel     func(session string) string
	unsupported atomic.Bool // the servers have no sharded pub/sub, or forbid it

	mu  sync.Mutex
	all map[string]*shard // by address
}

// shard is the subscription on one master. It ends with its connection. Then the next waiter finds
// out which master has the session.
type shard struct {
	pubsub   *redis.PubSub
	channels []string        // the subscribed channels, oldest first
	stands   map[string]bool // the channels that the server has confirmed
}

// watch subscribes to the channel of a session.
func (s *shards) watch(session string) {
	channel := s.channel(session)
	node, err := s.cluster.MasterForKey(s.w.ctx, channel)
	if err != nil {
		return // the waiter asks Redis itself
	}
	h, dropped, wanted := s.add(node, channel)
	if !wanted {
		return
	}
	// These calls may wait for the server. If they fail, listen ends.
	if dropped != "" {
		_ = h.pubsub.SUnsubscribe(s.w.ctx, dropped)
	}
	_ = h.pubsub.SSubscribe(s.w.ctx, channel)
}

// add notes that a channel of a node is to be subscribed, and returns the channel that must go for
// it, if one must. It returns wanted false if there is nothing to do.
func (s *shards) add(node *redis.Client, channel string) (h *shard, dropped string, wanted bool) {
	addr := node.Options().Addr
	s.mu.Lock()
	defer s.mu.Unlock()
	h = s.all[addr]
	if h == nil {
		if s.w.ctx.Err() != nil {
			return nil, "", false
		}
		h = &shard{pubsub: node.SSubscribe(s.w.ctx), stands: make(map[string]bool)}
		s.all[addr] = h
		s.w.running.Go(func() { s.listen(addr, h) })
	}
	if slices.Contains(h.channels, channel) {
		return nil, "", false
	}
	if len(h.channels) == keptChannels {
		dropped = h.channels[0]
		delete(h.stands, dropped)
		h.channels = h.channels[1:]
	}
	h.channels = append(h.channels, channel)
	return h, dropped, true
}

// ready tells whether a server has confirmed the subscription to the channel of a session.
func (s *shards) ready(session string) bool {
	channel := s.channel(session)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all {
		if h.stands[channel] {
			return true
		}
	}
	return false
}

// listen hears from one master until the connection fails, a slot has moved, or Close is called.
func (s *shards) listen(addr string, h *shard) {
	err := subscription.Subscription{
		Open: func(context.Context) *redis.PubSub { return h.pubsub },
		Hear: func(message any) {
			switch message := message.(type) {
			case *redis.Subscription:
				s.mu.Lock()
				if message.Kind == "ssubscribe" {
					h.stands[message.Channel] = true
				} else if h.stands[message.Channel] { // the slot has moved to another master
					delete(h.stands, message.Channel)
					h.channels = slices.DeleteFunc(h.channels, func(c string) bool { return c == message.Channel })
				}
				s.mu.Unlock()
				s.w.wakeAll() // a message may have come before the subscription
			case *redis.Message:
				s.w.wake(message.Payload)
			}
		},
	}.Listen(s.w.ctx)
	if err != nil && (strings.Contains(err.Error(), "unknown command") || redis.HasErrorPrefix(err, "NOPERM")) {
		s.unsupported.Store(true)
	}
	s.mu.Lock()
	delete(s.all, addr)
	s.mu.Unlock()
	s.w.wakeAll()
}
