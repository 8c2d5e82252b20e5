package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/companion"
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

// followWithCompanion brings the companion into line with the session that was written.
func (s *Session) followWithCompanion(ctx context.Context, p *plan) error {
	switch {
	case s.companion != nil, p.facts.Extras.Companion && s.rotate:
		v := companion.Version{Handle: s.handle, Before: s.began, Proof: s.proof, Value: s.companion, Meta: p.facts}
		if s.began == "" {
			v.Before = s.proof // a new session had none
		}
		later, err := s.m.companions.Follow(ctx, v)
		s.note(opError(opCompanion, later))
		return translate(opCompanion, err)
	case p.facts.Extras.Companion:
		s.note(opError(opCompanion, s.m.store.TouchCompanion(ctx, s.handle, p.facts)))
	case s.switched: // the companion of the user before, if there is one
		s.note(opError(opCompanion, s.m.companions.Delete(ctx, s.handle, s.proof)))
	}
	return nil
}
