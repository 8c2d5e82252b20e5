package session

import (
	"context"
	"errors"

	"github.com/berthgo/berth/core/internal/store"
)

// SetCompanion gives the session a companion at the commit: a string in Redis whose
// key is the session ID and nothing else, for programs that know the ID and not this
// package. It is created unless there is one already, lives as long as the
// session, follows a rotation, and is neither encrypted nor counted in MaxBytes.
// A session with a companion takes one more round trip to begin and one to
// commit, and the commit that creates it takes two: it comes after the session's own, so
// if a Commit fails there may be none until it is called again. With Options.HashIDs there can
// be none.
func (s *Session) SetCompanion(value string) {
	s.change("SetCompanion", func() error {
		if s.m.options.HashIDs {
			return errors.New("session: SetCompanion with HashIDs: a companion is named by the session ID, which HashIDs keeps out of Redis; use one of the two")
		}
		s.companion = &value
		return nil
	})
}

// putCompanion creates a companion as part of a commit, and returns whether there was
// none before.
func (s *Session) putCompanion(ctx context.Context, id, value string, facts store.Meta) (created bool, err error) {
	err = s.m.call(ctx, opCompanion, func(int) error {
		now, err := s.m.store.PutCompanion(ctx, id, value, facts)
		created = created || now
		return err
	})
	return created, err
}

// giveCompanion creates the companion of a session that keeps its ID, after the commit that
// told of it: so whoever ends the session knows of it.
func (s *Session) giveCompanion(ctx context.Context) error {
	facts := s.facts()
	created, err := s.putCompanion(ctx, s.id, *s.companion, facts)
	if err != nil {
		s.m.checkLater(s.id)
		return err
	}
	if !created {
		s.note(opError(opCompanion, s.m.store.TouchCompanion(ctx, s.id, facts, false)))
	}
	s.checkCompanion(ctx, s.id)
	return nil
}

// checkCompanion deletes a companion that was created when its session had just ended.
func (s *Session) checkCompanion(ctx context.Context, id string) {
	if err := s.m.deleteCompanions(ctx, []string{id}); err != nil {
		s.note(opError(opCompanion, err))
		s.m.checkLater(id)
	}
}

// checkLater deletes the companion of a session if that has ended, which is not known for now.
func (m *Manager) checkLater(id string) {
	m.later(func(ctx context.Context) error { return m.deleteCompanions(ctx, []string{id}) })
}

// takeCompanion returns what the companion under a new ID is to be, nil for none.
func (s *Session) takeCompanion(ctx context.Context) (*string, error) {
	if !s.meta.Extras.Companion {
		return s.companion, nil
	}
	var value string
	var found bool
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		value, found, err = s.m.store.Companion(ctx, s.id)
		return err
	})
	if found {
		return &value, nil
	}
	return s.companion, err
}

// touchCompanion lets a companion live as long as its session, which was used just
// now. If it fails that is reported and no more: the session is what counts.
func (m *Manager) touchCompanion(ctx context.Context, id string, facts store.Meta, held bool) {
	m.report(ctx, opCompanion, m.store.TouchCompanion(ctx, id, facts, held))
}

// deleteCompanion deletes the companion of a session that is gone. What fails is tried
// again beside the request; for the rest of its time at most, the companion lives on.
func (m *Manager) deleteCompanion(ctx context.Context, id string) error {
	err := m.store.DeleteCompanion(ctx, id)
	if err != nil {
		m.later(func(ctx context.Context) error { return m.store.DeleteCompanion(ctx, id) })
	}
	return opError(opCompanion, err)
}

// deleteCompanions deletes the companions of those sessions that are gone.
func (m *Manager) deleteCompanions(ctx context.Context, ids []string) error {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = m.key(id)
	}
	found, err := m.store.Inspect(ctx, keys)
	if err != nil {
		return err
	}
	for i, one := range found {
		if one.Status != store.Done {
			if err := m.store.DeleteCompanion(ctx, ids[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
