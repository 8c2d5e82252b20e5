package session

import (
	"context"
	"errors"
	"slices"

	"github.com/berthgo/berth/core/internal/store"
)

// A try of a commit that gives the session an ID leaves a copy of it under that ID, which
// nobody knows until the commit succeeds. What becomes of it if the commit fails is decided
// here: it is discarded; or, if the old ID was retired after all, it is the session.

// moved returns the last try after which the old ID may be retired, nil if there was none.
func (s *Session) moved() *try {
	if s.tried.moved {
		return &s.tried
	}
	for i := range slices.Backward(s.copies) {
		if s.copies[i].moved {
			return &s.copies[i]
		}
	}
	return nil
}

// hasMoved tells whether an ID was retired by a move of who had its lease. It asks for that
// once more: of a session that is still there the lease has been given up, so that nothing
// is retired.
func (m *Manager) hasMoved(ctx context.Context, key, lease string) (bool, error) {
	status, _, err := m.store.Retire(ctx, key, store.Retirement{Token: lease, Lease: lease})
	return status == store.Done, err
}

// succeed takes the place of earlier copies. One of them may be the session by now: if another
// has ended that one, or it has expired, then so it is.
func (s *Session) succeed(ctx context.Context) error {
	for i, t := range s.copies {
		if !t.moved {
			continue
		}
		_, err := s.retire(ctx, s.m.key(t.id), store.Retirement{Token: t.ends})
		if errors.Is(err, ErrEnded) {
			s.copies = slices.Delete(s.copies, i, i+1) // its end is to be handled
			s.discardAll()
			s.leave(ctx, s.meta.Extras.Companion)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leave takes away what the old ID of a session that has moved leaves behind.
func (s *Session) leave(ctx context.Context, companion bool) {
	if companion {
		s.note(s.m.deleteCompanion(ctx, s.id))
	}
	s.m.leave(s.key, s.meta)
}

// leave takes a session that goes on under another ID out of the indexes, beside the
// request.
func (m *Manager) leave(key string, meta store.Meta) {
	m.unlist(meta.Principal, key)
	if meta.Extras.Retention != 0 {
		m.forget(key)
	}
}

// discardAll discards all copies, that of the last try too.
func (s *Session) discardAll() {
	s.m.discard(s.takeCopies())
}

// discardCopies discards those of earlier tries.
func (s *Session) discardCopies() {
	s.m.discard(s.copies)
	s.copies = nil
}

// takeCopies returns all tries that may have left copies, and forgets them.
func (s *Session) takeCopies() []try {
	all := s.copies
	s.copies = nil
	if s.tried.id != "" {
		all = append(all, s.tried)
		s.tried.id, s.tried.moved = "", false
	}
	return all
}

// remove removes the copies that tries may have left and that are not the session, even if
// they are still on their way to be created.
func (m *Manager) remove(ctx context.Context, tries ...try) error {
	var errs []error
	for _, t := range tries {
		key := m.key(t.id)
		_, had, err := m.store.Retire(ctx, key, store.Retirement{Token: t.ends, Always: true})
		errs = append(errs, err, m.store.Forget(ctx, key))
		if t.facts.Principal != "" {
			errs = append(errs, m.store.Unlist(ctx, t.facts.Principal, key))
		}
		if had.Companion {
			errs = append(errs, m.store.DeleteCompanion(ctx, t.id))
		}
	}
	return errors.Join(errs...)
}

// discard does so beside the request.
func (m *Manager) discard(tries []try) {
	if len(tries) > 0 {
		m.later(func(ctx context.Context) error { return m.remove(ctx, tries...) })
	}
}

// settle finds out, beside the request, what has become of commits that failed, and discards
// what they have left.
func (s *Session) settle() {
	last, ends := s.moved(), s.abandon && s.tried.token != ""
	if last == nil && !ends {
		s.discardAll()
		return
	}
	ids := []string{s.id}
	var lastID string
	if last != nil {
		lastID = last.id
		ids = append(ids, lastID)
	}
	m, key, meta, lease, copies := s.m, s.key, s.meta, s.lease, s.takeCopies()
	m.later(func(ctx context.Context) error {
		var moved bool
		if lease != nil {
			// Without the lease, a retirement that is still on its way does nothing.
			err := m.store.Release(ctx, key, lease.token)
			if err == nil && lastID != "" {
				moved, err = m.hasMoved(ctx, key, lease.token)
			}
			if err != nil {
				return err
			}
		}
		if moved {
			m.leave(key, meta)
			var err error
			if copies, err = m.supersede(ctx, copies, lastID); err != nil {
				return err
			}
		}
		return errors.Join(m.deleteCompanions(ctx, ids), m.remove(ctx, copies...))
	})
}

// supersede returns which copies are to be discarded of a session that has moved: all but the
// last of them; but if another has ended an earlier one, or it has expired, all but that.
func (m *Manager) supersede(ctx context.Context, copies []try, last string) ([]try, error) {
	for i, t := range copies {
		if !t.moved || t.id == last {
			continue
		}
		status, _, err := m.store.Retire(ctx, m.key(t.id), store.Retirement{Token: t.ends})
		switch {
		case err != nil:
			return nil, err
		case status != store.Done:
			return slices.Delete(slices.Clone(copies), i, i+1), nil
		}
	}
	return slices.DeleteFunc(slices.Clone(copies), func(t try) bool { return t.id == last }), nil
}

// retireLater retires the old ID of a session whose client gets that of a copy, though it is
// not known whether that has happened. If another has ended the session meanwhile, the copy
// goes; if another has changed it, the old ID stays, as that is not in the copy.
func (s *Session) retireLater(t try) {
	m, id, key, meta, lease := s.m, s.id, s.key, s.meta, s.lease.token
	m.later(func(ctx context.Context) error {
		status, _, err := m.store.Retire(ctx, key, store.Retirement{Token: lease, Lease: lease, After: t.after})
		switch {
		case err != nil:
			return err
		case status == store.Retired || status == store.Unknown:
			return m.remove(ctx, t)
		case status == store.Changed:
			return m.store.Release(ctx, key, lease)
		case status == store.Done:
			m.leave(key, meta)
			return m.deleteCompanions(ctx, []string{id})
		}
		return nil
	})
}
