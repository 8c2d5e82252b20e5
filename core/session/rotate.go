package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// move saves the whole session under a new ID and then retires the old one. The
// two are in different slots of a cluster, so it takes two calls. Until the second
// nobody knows the new ID: if the old one cannot be retired, it is taken back. If a
// Shared commit came in between, all is done once more with what that has written.
//
// A rotation takes its place in the index of the principal beforehand, so that it is
// never missing there. A sign-in enters it only once it has succeeded: until then it must
// not count against MaxPerPrincipal.
func (s *Session) move(ctx context.Context, facts store.Meta, d delta) error {
	signsIn := s.principal != s.meta.Principal
	if signsIn {
		if err := s.checkIndex(ctx, s.principal); err != nil {
			return err
		}
	}
	companion, err := s.takeCompanion(ctx)
	if err != nil {
		return err
	}
	after, stored := s.meta.Commit, s.stored
	if s.latest != nil {
		after, stored, facts.Timeout = s.rebased()
	}
	for {
		set, err := s.moved(stored, d)
		if err != nil {
			return err
		}
		if err := s.put(ctx, facts, set); err != nil {
			return err
		}
		listed := false
		if !signsIn {
			if listed, err = s.enlist(ctx, facts, s.key); err != nil {
				return err
			}
		}
		if companion != nil {
			if _, err := s.putCompanion(ctx, s.tried.id, *companion, facts); err != nil {
				return err
			}
		}
		s.tried.moved = true
		// The lease's token, so that a later try with other changes finds that an
		// earlier one has retired the ID.
		retirement := store.Retirement{Token: s.lease.token, Lease: s.lease.token, After: after}
		var had store.Extras
		err = s.call(ctx, func() (status store.Status, err error) {
			status, had, err = s.m.store.Retire(ctx, s.key, retirement)
			return status, err
		})
		var failed *OpError
		switch {
		case err == nil:
			s.moveOn(ctx, had.Companion)
			if err := s.arrive(ctx, facts, listed, signsIn); err != nil {
				return err
			}
			s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
			return nil
		case errors.As(err, &failed) && !errors.Is(err, ErrLockLost):
			return err
		}
		// With ErrLockLost nothing was retired, not by an earlier try either.
		s.discard()
		s.tried.moved, s.tried.id = false, newID()
		if !errors.Is(err, errChanged) {
			return err
		}
		var l store.Loaded
		err = s.m.call(ctx, opCommit, func(int) (err error) {
			l, err = s.m.store.Load(ctx, s.key)
			return err
		})
		switch {
		case err != nil:
			return err
		case l.Status != store.Done:
			return ErrEnded
		}
		s.latest = &l
		after, stored, facts.Timeout = s.rebased()
		if l.Meta.Extras.Companion {
			s.meta.Extras.Companion, facts.Extras.Companion = true, true
			if companion, err = s.takeCompanion(ctx); err != nil {
				return err
			}
		}
	}
}

// rebased returns what a move goes on from after a Shared commit: the last commit, what
// is stored, and the timeout unless this session sets one.
func (s *Session) rebased() (after string, stored map[string]string, timeout time.Duration) {
	timeout = s.timeout
	if timeout == s.meta.Timeout {
		timeout = s.latest.Meta.Timeout
	}
	return s.latest.Meta.Commit, s.latest.Fields, timeout
}

// moved is the list of all fields and values after a change to what is stored,
// encrypted for the ID of this try.
func (s *Session) moved(stored map[string]string, d delta) ([]any, error) {
	from, to := s.codec(), s.codecOf(s.tried.id)
	list := d.sealed(to)
	for key, raw := range stored {
		if d.has(key) {
			continue
		}
		value := any(raw)
		if s.m.sealer != nil {
			plain, err := from.open(key, raw)
			switch {
			case errors.Is(err, errUnknownKey):
				// With that key it is readable, and would not be any more.
				return nil, err
			case err == nil:
				value = to.seal(key, plain)
			}
		}
		list = append(list, key, value)
	}
	return list, nil
}

// arrive enters the index of the principal, if the session is not there yet, and makes room
// for a sign-in.
func (s *Session) arrive(ctx context.Context, facts store.Meta, listed, signsIn bool) error {
	if !listed {
		if _, err := s.enlist(ctx, facts, ""); err != nil {
			return err
		}
	}
	if !signsIn {
		return nil
	}
	return s.makeRoom(ctx, facts.Principal)
}

// moveOn takes away what the old ID leaves behind.
func (s *Session) moveOn(ctx context.Context, companion bool) {
	if companion {
		s.m.deleteCompanion(ctx, s.id)
	}
	s.m.unlist(s.meta.Principal, s.key)
	if s.meta.Extras.Retention != 0 {
		s.m.forget(s.key)
	}
}

// retireLater retires the old ID of a session whose client gets the new one, though it is
// not known whether that has happened.
func (s *Session) retireLater() {
	m, key, principal, token := s.m, s.key, s.meta.Principal, s.lease.token
	moved, facts := m.key(s.tried.id), s.tried.facts
	m.later(func(ctx context.Context) error {
		_, _, err := m.store.Retire(ctx, key, store.Retirement{Token: token})
		if err == nil {
			m.unlist(principal, key)
			if facts.Principal != "" {
				m.relist(moved, facts)
			}
		}
		return err
	})
}

// discard removes what this try has saved under an ID that nobody knows.
func (s *Session) discard() {
	m, id, principal, tracked := s.m, s.tried.id, s.tried.facts.Principal, s.m.options.TrackEnd || s.meta.Extras.Retention != 0
	m.cleanup(func(ctx context.Context) {
		key := m.key(id)
		_, had, _ := m.store.Retire(ctx, key, store.Retirement{Token: m.process.Token()})
		if principal != "" {
			_ = m.store.Unlist(ctx, principal, key)
		}
		if tracked {
			_ = m.store.Forget(ctx, key)
		}
		if had.Companion {
			_ = m.store.DeleteCompanion(ctx, id)
		}
	})
}

// discardTried does so for a session that will not be committed again.
func (s *Session) discardTried() {
	if s.tried.id != "" && !s.tried.moved {
		s.discard()
	}
}
