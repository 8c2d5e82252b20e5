package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/store"
)

// SetCompanion gives the session a companion at the commit: a string in Redis whose
// key is the session's handle and nothing else, for programs that know not this
// package. It replaces the one that there is, lives as long as the
// session, and is neither encrypted nor counted in MaxBytes.
//
// Beside it, under {HANDLE}_Proof, stands what proves that a client has the session's ID: the
// first 32 hex digits of the SHA-256 of it. A program that is given a cookie must compare
// that: a handle is no secret. See docs/redis.md for how.
//
// A session with a companion takes one more round trip to begin and one to
// commit, and a commit that writes it, or rotates, takes two: it comes after the session's own, so
// if a Commit fails there may be none until it is called again.
func (s *Session) SetCompanion(value string) {
	s.change("SetCompanion", func() error {
		s.companion = &value
		return nil
	})
}

// touchCompanion lets the companion live as long as the session that was begun.
func (s *Session) touchCompanion(ctx context.Context) error {
	if s.access == Exclusive {
		return s.m.store.HoldCompanion(ctx, s.handle, s.proof, s.meta)
	}
	return s.m.store.TouchCompanion(ctx, s.handle, s.meta)
}

// writeCompanion writes the companion of a session, or the new proof beside it, after the
// commit that told of it: so whoever ends the session knows of it. If that has happened
// already, or the session is another user's by now, it goes.
func (s *Session) writeCompanion(ctx context.Context, p *plan) error {
	found := s.began
	if found == "" {
		found = s.proof // of a new session there is none
	}
	wrote := false
	err := s.m.call(ctx, opCompanion, func(int) (err error) {
		if s.companion == nil {
			wrote, err = s.m.store.ProveCompanion(ctx, s.handle, found, s.proof, p.facts)
		} else {
			wrote, err = s.m.store.PutCompanion(ctx, s.handle, found, s.proof, *s.companion, p.facts)
		}
		return err
	})
	if err != nil {
		s.m.mendLater(s.handle, found)
		return err
	}
	if s.companion == nil && wrote {
		return nil
	}
	var again *string
	if !wrote {
		again = s.companion
	}
	if err := s.m.checkCompanion(ctx, s.handle, s.proof, p.facts.Principal, again); err != nil {
		s.note(opError(opCompanion, err))
		s.m.mendLater(s.handle, s.proof)
	}
	return nil
}

// checkCompanion looks whether the companion is right that a request has written, or has found
// another proof beside. Others may have ended the session in between, or signed in another user:
// then it goes. They may have rotated it: then it gets the new proof. What they have written
// themselves stays. Value is what was not written, nil if it was.
func (m *Manager) checkCompanion(ctx context.Context, handle, proof, principal string, value *string) error {
	found, err := m.store.Inspect(ctx, []string{handle})
	if err != nil {
		return err
	}
	switch now := found[0]; {
	case now.Err != nil:
		return now.Err
	case now.Status != store.Done:
		return m.store.DeleteCompanion(ctx, handle, "", store.NoProof)
	case now.Meta.Principal != principal, !now.Meta.Extras.Companion:
		return m.store.DeleteCompanion(ctx, handle, proof, proof)
	case now.Proof == proof && value != nil:
		// Whatever stood there, of a rotation that failed half-way: this is the session's own.
		_, err := m.store.PutCompanion(ctx, handle, "", proof, *value, now.Meta)
		return err
	case now.Proof != proof:
		_, err := m.store.ProveCompanion(ctx, handle, proof, now.Proof, now.Meta)
		return err
	}
	return nil
}

// mendLater takes the companion of a session away, beside the request, if the session is gone. If
// not, it gives it the session's own proof in place of the one that may be there, if that is not "".
func (m *Manager) mendLater(handle, written string) {
	m.later(func(ctx context.Context) error {
		found, err := m.store.Inspect(ctx, []string{handle})
		switch {
		case err != nil:
			return err
		case found[0].Err != nil:
			return nil
		case found[0].Status != store.Done:
			return m.store.DeleteCompanion(ctx, handle, "", store.NoProof)
		case written == "" || !found[0].Meta.Extras.Companion:
			return nil
		}
		_, err = m.store.ProveCompanion(ctx, handle, written, found[0].Proof, found[0].Meta)
		return err
	})
}

// deleteCompanion deletes the companion of a session that is gone, or that of another user by
// now: then a proof stays. What fails is tried
// again beside the request; for the rest of its time at most, the companion lives on.
func (m *Manager) deleteCompanion(ctx context.Context, handle, proof string) error {
	remove := func(ctx context.Context) error { return m.store.DeleteCompanion(ctx, handle, "", proof) }
	err := remove(ctx)
	if err != nil {
		m.later(remove)
	}
	return opError(opCompanion, err)
}
