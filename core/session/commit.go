package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/berthgo/berth/core/internal/store"
)

// Commit writes what the request changed, gives up the lease and starts the
// session's idle time anew, all in one round trip. A new session that nothing was
// put in is not saved. A second Commit does nothing.
//
// After an error nothing was written, except that after an [*OpError] it is not
// known. After [ErrLockLost] and [ErrEnded] the session is over; after any other
// error Commit may be called again, for instance without the value that was too
// large. It is the second try of the same commit if nothing was changed in between. If
// something was, and the first try was written after all, a [Shared] session takes back
// what is not wanted any more, unless another has committed meanwhile; an [Exclusive] one
// gets ErrLockLost, and Redis has what the first try wrote; but one that is rotated starts from
// what it was, and replaces that. A rotation can be tried again for a minute, or for twice
// RetryTimeout if that is longer.
// The first wrong change, such as one of a [ReadOnly] session, makes every Commit fail
// with it. With FailSilently an [*OpError] is not returned, and found in [Session.Err].
//
// An error that is both an [*OpError] and [ErrLockLost] says that a reply was lost and
// that others have committed since, so that it will never be known.
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
	for _, failed := range s.notes() {
		s.m.fail(ctx, failed)
	}
	if err != nil {
		s.m.fail(ctx, err)
		if s.m.silenced(err) {
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

func (s *Session) notes() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.noted
	s.noted = nil
	return notes
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

// saves tells whether a commit creates the session.
func (s *Session) saves() bool {
	return s.isNew && s.detached == attached && !s.abandon && (len(s.values) > 0 || s.principal != "" || s.companion != nil)
}

// savesNothing tells whether there is nothing that a commit would have to tell Redis.
func (s *Session) savesNothing() bool {
	return s.detached != attached || s.access == ReadOnly || s.isNew && !s.saves()
}

func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.savesNothing()
}

// silence makes the best of a session whose commit failed in FailSilently mode.
func (s *Session) silence() {
	if last := s.moved(); last != nil && s.principal == s.meta.Principal && !errors.Is(s.err, ErrLockLost) {
		// The session is there under its new ID. Whether the old one has been
		// retired is not known, so the client gets the new one.
		s.retireLater(*last)
		s.state, s.id, s.owed = sealed, last.id, owesCookie
		s.discardCopies()
		return
	}
	// Nobody is logged in, or out, in silence.
	s.state, s.detached = rolledBack, outage
	s.m.stats.rolledBack.Add(1)
	s.settle()
	if s.lease != nil {
		s.m.releaseLater(s.key, s.lease.token)
	}
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
	}
	var wrote delta
	lost, err := s.lease.commit(func() (err error) {
		wrote, err = s.save(ctx, http)
		return err
	})
	if lost {
		s.note(ErrLockLost)
	}
	switch {
	case err == nil:
		s.state = sealed
		s.discardCopies()
		s.tried = try{}
		if s.detached == attached {
			s.err = nil
		}
		s.m.stats.committed.Add(1)
	case s.m.silenced(err):
		s.err = err
		s.silence()
	case errors.Is(err, ErrLockLost) || errors.Is(err, ErrEnded):
		s.state, s.err = rolledBack, err
		s.settle()
	default:
		s.err, s.tried.failed = err, err
		return delta{}, err
	}
	s.lease.giveUp()
	return wrote, err
}

// errChanged says that there was another commit since the session was loaded.
var errChanged = errors.New("session: changed by a Shared commit meanwhile")

// call runs an operation of a commit and turns its status into an error.
func (s *Session) call(ctx context.Context, op func() (store.Status, error)) error {
	var status store.Status
	var unsure error // an earlier try failed, but may have been executed
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		if status, err = op(); err != nil {
			unsure = err
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case status == store.Done:
		return nil
	case status == store.Lost && cmp.Or(unsure, s.tried.failed) != nil:
		return &OpError{Op: opCommit, Err: fmt.Errorf("tried again after %w, and %w", cmp.Or(unsure, s.tried.failed), errLostSince)}
	case status == store.Lost:
		return ErrLockLost
	case status == store.Changed:
		return errChanged
	}
	return ErrEnded
}

// errLostSince is an ErrLockLost after a try whose reply was lost: it may have been
// written, and others may have committed since.
var errLostSince error = lostSince{}

type lostSince struct{}

func (lostSince) Error() string {
	return "the lease is another's by now; whether the first try was written is not known"
}

func (lostSince) Is(target error) bool { return target == ErrLockLost }
