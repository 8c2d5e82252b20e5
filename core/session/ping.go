package session

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/retry"
)

// Ping tells whether Redis answers and takes writes, as for a health check: nil if it does, [ErrClosed] after
// Close, else an [*OpError]. It asks once, whatever RetryTimeout is. On a cluster it asks every master whether it
// answers, and one of them whether it takes writes. A server whose memory is full takes those that end a session,
// so Ping says nothing of that. Give ctx a time limit. Hooks.OnError and LastError do not hear of it.
func (m *Manager) Ping(ctx context.Context) error {
	if m.tasks.Closed() {
		return ErrClosed
	}
	once := retry.Caller{Idle: m.caller.Idle, OnRetry: func(context.Context, int, error) {}}
	return opError(opPing, once.Call(ctx, nil, func(int) error { return m.store.Ping(ctx) }))
}

// Client returns the Redis client, as for the figures of its pool. It stays the property of who made
// it: do not close that of a Manager that [Open] made.
func (m *Manager) Client() redis.UniversalClient { return m.store.Client }
