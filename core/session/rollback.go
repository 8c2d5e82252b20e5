package session

import (
	"context"
	"errors"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
)

// Rollback gives up the session and its lease without writing anything. After a
// Commit that succeeded it does nothing, so it can be deferred right after
// [Manager.Begin]; except that it ends a session that was abandoned after its commit. After a
// Commit whose outcome is not known it gives up the lease, and the outcome stays open. It works
// even when ctx has ended, for 5 seconds at most, or as long as
// the client takes for a call, see [New]; after [Manager.Close] for twice that. If Redis cannot be reached, it is tried again
// beside the request until the lease has run out by itself.
func (s *Session) Rollback(ctx context.Context) {
	if late := s.takeLate(); late != nil {
		s.leaveLate(ctx, late)
		return
	}
	if !s.rollBack() || s.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := s.m.store.Release(ctx, s.lease.handle, s.lease.token); err != nil {
		s.m.fail(ctx, &OpError{Op: opRollback, Err: err})
		s.m.releaseLater(s.lease)
	}
	s.lease.giveUp()
}

// leaveLate retires a session that was abandoned after its commit.
func (s *Session) leaveLate(ctx context.Context, late *departure) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, companion, err := s.m.leave(ctx, late)
	if failed := (*OpError)(nil); errors.As(err, &failed) {
		s.m.leaveLater(late)
	}
	for _, failed := range []error{companion, err} {
		if failed != nil {
			s.m.fail(ctx, failed)
		}
	}
}

// rollBack returns false if there is nothing to roll back any more.
func (s *Session) rollBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open && s.state != inDoubt {
		return false
	}
	s.state = rolledBack
	s.m.stats.rolledBack.Add(1)
	s.forget()
	return true
}

// forget takes a session out of the index of ends that was announced there, and certainly not
// saved. Of one that may have been saved the end tells.
func (s *Session) forget() {
	if p := s.plan; s.isNew && p != nil && !p.saved && p.doubt == nil && p.facts.Extras.Retention != 0 {
		m, handle := s.m, s.handle
		m.later(func(ctx context.Context) error { return m.store.Forget(ctx, handle) })
	}
}

// takeLate returns the session that was abandoned after its commit, if it was, once.
func (s *Session) takeLate() *departure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rolled = true
	if !s.late() || s.leaving == nil || s.leaving.done {
		return nil
	}
	late := s.leaving
	s.leaving = nil
	return late
}

// releaseLater gives up a lease as soon as Redis can be reached, so that a failover does
// not keep a session from its user for all of LockTTL.
func (m *Manager) releaseLater(l *lease) {
	if m.ctx.Err() != nil {
		return // it has just failed
	}
	m.later(func(ctx context.Context) error { return m.store.Release(ctx, l.handle, l.token) })
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
