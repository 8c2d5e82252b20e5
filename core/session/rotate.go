package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// move saves the whole session under a new ID and then retires the old one. The
// two are in different slots of a cluster, so it takes two calls. Until the second
// nobody knows the new ID: if the old one cannot be retired, that copy is discarded. While
// it is not known whether the old one is retired, the copy may be all that there is of the
// session, and stays until a later one takes its place. If a Shared commit came in between,
// all is done once more with what that has written.
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
		set, err := s.all(stored, d)
		if err != nil {
			return err
		}
		// The copy must outlive the doubt about it, as the session does that is held.
		if err := s.put(ctx, facts, s.m.store.RetireTTL, set); err != nil {
			return err
		}
		if companion != nil {
			if _, err := s.putCompanion(ctx, s.tried.id, *companion, facts); err != nil {
				return err
			}
		}
		listed := false
		if !signsIn {
			if listed, err = s.enlist(ctx, facts, s.key); err != nil {
				return err
			}
		}
		s.tried.moved, s.tried.after = true, after
		// The lease's token, so that a later try with other changes finds that an
		// earlier one has retired the ID.
		had, err := s.retire(ctx, s.key, store.Retirement{Token: s.lease.token, Lease: s.lease.token, After: after})
		var failed *OpError
		switch {
		case err == nil:
			if err := s.succeed(ctx); err != nil {
				return err
			}
			if err := s.arrive(ctx, facts, listed, signsIn); err != nil {
				return err
			}
			s.leave(ctx, had.Companion)
			if facts.Timeout < s.m.store.RetireTTL {
				s.m.touch(s.m.key(s.tried.id))
			}
			s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
			return nil
		case errors.As(err, &failed) && !errors.Is(err, ErrLockLost), !errors.Is(err, errChanged):
			return err
		}
		s.discardAll() // nothing was retired, not by an earlier try either
		s.tried.id, s.tried.ends = newID(), s.m.process.Token()
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

// all is the list of all fields and values after a change to what is stored,
// encrypted for the ID of this try.
func (s *Session) all(stored map[string]string, d delta) ([]any, error) {
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

// touch starts the idle time of a session anew, beside the request.
func (m *Manager) touch(key string) {
	m.cleanup(opCommit, func(ctx context.Context) error {
		_, err := m.store.Load(ctx, key)
		return err
	})
}
