package session

import (
	"context"
	"errors"

	"github.com/berthgo/berth/core/internal/store"
)

// SetCompanion gives the session a companion at the commit: a string in Redis whose
// key is the session ID and nothing else, for programs that know the ID and not this
// package. It is created unless there is one already, lives exactly as long as the
// session, follows a rotation, and is neither encrypted nor counted in MaxBytes.
// A session with a companion takes one more round trip to begin and one to
// commit. With Options.HashIDs there can be none.
func (s *Session) SetCompanion(value string) {
	s.change("SetCompanion", func() error {
		if s.m.options.HashIDs {
			return errors.New("session: SetCompanion with HashIDs: a companion is named by the session ID, which HashIDs keeps out of Redis; use one of the two")
		}
		s.companion = &value
		return nil
	})
}

// putCompanion creates a companion as part of a commit.
func (s *Session) putCompanion(ctx context.Context, id, value string, facts store.Meta) error {
	return s.m.call(ctx, opCommit, func(int) error {
		return s.m.store.PutCompanion(ctx, id, value, facts)
	})
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
func (m *Manager) touchCompanion(ctx context.Context, id string, facts store.Meta) {
	m.report(ctx, opCompanion, m.store.TouchCompanion(ctx, id, facts))
}

// deleteCompanion deletes the companion of a session that is gone. If it fails, the
// companion lives on for the rest of its time at most.
func (m *Manager) deleteCompanion(ctx context.Context, id string) {
	err := m.call(ctx, opCompanion, func(int) error { return m.store.DeleteCompanion(ctx, id) })
	if err != nil {
		m.fail(ctx, err)
	}
}
