package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
)

// Rollback gives up the session and its lease without writing anything. After a
// Commit that succeeded it does nothing, so it can be deferred right after
// [Manager.Begin]. It works even when ctx has ended, for 5 seconds at most, or as long as
// the client takes for a call, see [New]; after [Manager.Close] for twice that. If Redis cannot be reached, it is tried again
// beside the request until the lease has run out by itself.
func (s *Session) Rollback(ctx context.Context) {
	if !s.rollBack() || s.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := s.m.store.Release(ctx, s.key, s.lease.token); err != nil {
		s.m.fail(ctx, &OpError{Op: opRollback, Err: err})
		s.m.releaseLater(s.key, s.lease.token)
	}
	s.lease.giveUp()
}

// rollBack returns false if there is nothing to roll back any more.
func (s *Session) rollBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return false
	}
	s.state = rolledBack
	s.m.stats.rolledBack.Add(1)
	s.settle()
	return true
}

// releaseLater gives up a lease as soon as Redis can be reached, so that a failover does
// not keep a session from its user for all of LockTTL.
func (m *Manager) releaseLater(key, token string) {
	if m.ctx.Err() != nil {
		return // it has just failed
	}
	m.later(func(ctx context.Context) error { return m.store.Release(ctx, key, token) })
}

// later does something beside the request, as soon as Redis can be reached. It gives up after
// LockTTL, or with Close; after Close it tries once, in the request's own goroutine.
func (m *Manager) later(f func(ctx context.Context) error) {
	if !m.background() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		_ = f(ctx)
		return
	}
	go func() {
		defer m.running.Done()
		ctx, cancel := context.WithTimeout(context.Background(), m.options.LockTTL)
		defer cancel()
		_ = retry.Do(ctx, m.ctx.Done(), m.options.LockTTL, store.Heals, func(int) error { return f(ctx) })
	}()
}
