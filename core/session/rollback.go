package session

import (
	"context"
	"errors"

	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/principal"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Rollback gives up the session and its lease without writing anything. From then on, s has again what
// was loaded, and after Abandon nothing: an error page shows no user who was not signed in. That is so, too,
// after a Commit that failed with [ErrLockLost] or [ErrEnded]. After a Commit that
// succeeded it does nothing, so defer it right after [Manager.Begin]. There is one exception: it
// ends a session that was abandoned after its commit. After a Commit whose outcome is not known, it
// gives up the lease and leaves the outcome open.
//
// Rollback works even when ctx has ended. It takes 5 seconds at most, or as long as the Redis
// client allows a call, see [New]; after [Manager.Close] up to twice that. If Redis cannot be reached,
// berth tries again beside the request until the lease has run out.
func (s *Session) Rollback(ctx context.Context) {
	if late := s.takeLate(); late != nil {
		s.leaveLate(ctx, late)
		return
	}
	held, ok := s.discard()
	if !ok {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if !s.m.observers.None() {
		var done func()
		ctx, done = s.observeRollback(ctx, held)
		defer done()
	}
	if held.WasLost() {
		s.fail(ctx, ErrLockLost) // no commit will report it
	}
	if err := held.Release(ctx); err != nil {
		s.fail(ctx, opError(opRollback, err))
	}
}

// discard returns the lease to give up, and false if there is nothing to roll back any more.
func (s *Session) discard() (*lease.Lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open && s.state != inDoubt {
		if s.state == rolledBack && (errors.Is(s.err, ErrLockLost) || errors.Is(s.err, ErrEnded)) {
			s.undo() // the commit has failed for good
		}
		return nil, false
	}
	if s.state == open {
		s.undo()
	}
	s.state = rolledBack
	s.m.stats.rolledBack.Add(1)
	s.forget()
	s.freeWatches()
	return s.lease, true
}

// undo makes the session again what was loaded, for an error page: nothing that the request wanted has
// happened. What an abandoned session was is not known any more, so that one is empty.
func (s *Session) undo() {
	s.values.Undo()
	s.draft.Undo(&s.m.rules)
}

// forget takes a session out of the indexes where it was announced and then not saved. If it may have
// been saved, it stays there, and whoever looks next finds out.
func (s *Session) forget() {
	p := s.planned
	if p == nil || p.sent || p.doubt != nil {
		return
	}
	m, handle := s.m, s.handle
	if p.reserved {
		m.principals.Free(p.facts.Principal, handle)
	}
	if s.draft.New && p.facts.Extras.Retention != 0 {
		m.tasks.Later(func(ctx context.Context) error { return m.store.Forget(ctx, handle) })
	}
}

// takeLate returns the session that was abandoned after its commit, if it was, once.
func (s *Session) takeLate() *principal.Departure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	if !s.answered() || s.leaving == nil || s.leaving.Left() {
		return nil
	}
	late := s.leaving
	s.leaving = nil
	return late
}

// leaveLate retires a session that was abandoned after its commit.
func (s *Session) leaveLate(ctx context.Context, late *principal.Departure) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tasks.CleanupTime)
	defer cancel()
	_, companions, err := s.m.leave(ctx, late)
	if failed := (*OpError)(nil); errors.As(err, &failed) {
		s.m.principals.LeaveLater(late)
	}
	for _, one := range companions {
		s.report(ctx, opCompanion, one)
	}
	if err != nil {
		s.fail(ctx, err)
	}
}
