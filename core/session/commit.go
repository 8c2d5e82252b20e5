package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Commit writes what the request changed, gives up the lease and starts the
// session's idle time anew, all in one round trip. A new session that nothing was
// put in is not saved. A second Commit after one that succeeded does nothing.
//
// After [ErrLockLost] and [ErrEnded] nothing was written, and the session is over.
//
// After an [*OpError] it is not known whether it was written. The commit can be repeated then,
// and not changed: a change is reported as [ErrSealed] and does not stick, Commit is the same
// commit again, and [Session.Rollback] gives up the lease and leaves the outcome open. If a reply
// was lost and others have had the session since, it will never be known: the error is
// an [*OpError] that says so, and the session is over.
//
// After any other error nothing was sent, and Commit may be called again, for instance without
// the value that was too large.
//
// The first wrong change, such as one of a [ReadOnly] session, makes every Commit fail
// with it. With FailSilently an [*OpError] is not returned, and found in [Session.Err], unless
// the request signs in or out, rotates or abandons; there is no second try of a commit then.
func (s *Session) Commit(ctx context.Context) error {
	return s.commit(ctx, false)
}

// Finish is the Commit of an HTTP middleware: a client that hung up does not
// cancel it, as it goes on without ctx's end for RetryTimeout, and as long as
// the client takes for a call, see [New]; and the cookie is sent again when its age
// is due. [Session.SetHeaders] follows it.
func (s *Session) Finish(ctx context.Context) error {
	if !s.idle() { // then it makes no call that ctx could cancel
		ctx = context.WithoutCancel(ctx)
	}
	return s.commit(ctx, true)
}

func (s *Session) commit(ctx context.Context, http bool) error {
	s.start(ctx)
	wrote, err := s.commitOnce(ctx, http)
	notes, then := s.afterwards()
	for _, failed := range notes {
		s.m.fail(ctx, failed)
	}
	for _, f := range then {
		f()
	}
	if err != nil {
		s.m.fail(ctx, err)
		if s.hides(err) {
			return nil
		}
		return err
	}
	if hook := s.m.options.Hooks.OnFieldsSet; hook != nil && len(wrote.set) > 0 {
		hook(ctx, s, wrote.set)
	}
	if hook := s.m.options.Hooks.OnFieldsDeleted; hook != nil && len(wrote.deleted) > 0 {
		hook(ctx, s, wrote.deleted)
	}
	return nil
}

// note keeps a failure that a commit survives until hooks may hear of it, as they may use
// the session.
func (s *Session) note(err error) {
	if err != nil {
		s.noted = append(s.noted, err)
	}
}

func (s *Session) afterwards() (notes []error, then []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes, then = s.noted, s.then
	s.noted, s.then = nil, nil
	return notes, then
}

// start calls OnStart if this commit is about to save a new session.
func (s *Session) start(ctx context.Context) {
	hook := s.m.options.Hooks.OnStart
	if hook == nil {
		return
	}
	s.mu.Lock()
	starts := s.state == open && s.invalid == nil && !s.started && s.saves()
	s.started = s.started || starts
	s.mu.Unlock()
	if starts {
		hook(ctx, s)
	}
}

// saves tells whether a commit creates the session. Outside a request nobody would find one.
func (s *Session) saves() bool {
	return s.isNew && s.detached == attached && !s.bound && (len(s.values) > 0 || s.principal != "" || s.companion != nil)
}

// savesNothing tells whether there is nothing that a commit would have to tell Redis of this
// session, be it new.
func (s *Session) savesNothing() bool {
	return s.detached != attached || s.access == ReadOnly || s.isNew && !s.saves()
}

func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.savesNothing() && s.leaving == nil
}

// hides tells whether the handler is to go on as if there had been no error.
func (s *Session) hides(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.silenced(err) && !s.identity
}

func (s *Session) commitOnce(ctx context.Context, http bool) (delta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.invalid != nil:
		return delta{}, s.invalid
	case s.state == rolledBack && s.err != nil:
		return delta{}, s.err
	case s.state == rolledBack:
		return delta{}, fmt.Errorf("session: Commit after Rollback: %w", ErrSealed)
	case s.state == sealed:
		return delta{}, nil
	case s.detached == outage && s.identity:
		return delta{}, s.err
	}
	wrote, err := s.save(ctx, http)
	switch {
	case err == nil:
		s.state = sealed
		if s.detached != outage {
			s.err = nil
		}
		s.m.stats.committed.Add(1)
	case s.m.silenced(err):
		if !s.identity {
			s.detached = outage
		}
		s.overWith(err)
		s.m.stats.rolledBack.Add(1)
		s.forget()
		if s.lease != nil {
			s.m.releaseLater(s.lease)
		}
	case isOver(err):
		if errors.Is(err, ErrLockLost) {
			s.lease.refused()
		}
		s.overWith(err)
	default:
		s.err = err
		if failed := (*OpError)(nil); errors.As(err, &failed) {
			s.state = inDoubt
		}
		return delta{}, err
	}
	s.lease.giveUp()
	return wrote, err
}

func (s *Session) overWith(err error) { s.state, s.err = rolledBack, err }

// save does what the session's state asks for: it retires what was abandoned, and saves what
// there is.
func (s *Session) save(ctx context.Context, http bool) (delta, error) {
	if s.leaving == nil {
		return s.saveThis(ctx, http)
	}
	if !s.leaving.done {
		s.lease.commit()
		if err := s.leave(ctx); err != nil {
			return delta{}, err
		}
	}
	wrote, err := s.saveThis(ctx, http)
	if err != nil && s.principal != "" {
		return delta{}, err // nobody is signed in in silence
	}
	// Whoever abandons a session is told of that, and not of what he leaves behind.
	if err != nil {
		s.note(err)
		s.forget()
	}
	return wrote, nil
}

func (s *Session) saveThis(ctx context.Context, http bool) (delta, error) {
	if s.savesNothing() {
		if s.dropped {
			s.dropped = false
			s.note(fmt.Errorf("%w (the session is detached)", ErrEnded))
		}
		return delta{}, nil
	}
	if s.plan == nil {
		plan, err := s.newPlan(http, time.Now())
		if err != nil {
			return delta{}, err
		}
		s.plan = plan
	}
	s.lease.commit()
	if err := s.send(ctx, s.plan); err != nil {
		if isOver(err) && !s.plan.changes {
			return delta{}, nil // there was nothing to lose
		}
		return delta{}, err
	}
	return s.plan.delta, nil
}
