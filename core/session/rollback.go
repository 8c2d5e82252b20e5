package session

import "context"

// Rollback gives up the session and its lease without writing anything. After a
// Commit that succeeded it does nothing, so it can be deferred right after
// [Manager.Begin]. It works even when ctx has ended, for 5 seconds at most, or as long as
// the client takes for a call, see [New]. If Redis cannot be reached, the lease runs out by itself.
func (s *Session) Rollback(ctx context.Context) {
	if !s.rollBack() || s.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := s.m.store.Release(ctx, s.key, s.lease.token); err != nil {
		s.m.fail(ctx, &OpError{Op: opRollback, Err: err})
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
	return true
}
