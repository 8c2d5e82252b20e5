package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/companion"
)

// SetCompanion gives the session a companion at the commit: a string in Redis whose key is the
// session's handle and nothing else. Programs that do not know berth can read it. It replaces an
// earlier one and lives as long as the session. It is not encrypted, and does not count in
// MaxBytes.
//
// Beside it, under {HANDLE}_Proof, stands the proof that a client has the session's ID: the first
// 32 hex digits of the SHA-256 of the ID. A program that gets a cookie must compare it, since a
// handle is no secret. docs/redis.md shows how.
//
// A companion costs one more round trip to begin and one to commit. A commit that writes it or
// rotates takes two more, and one that does both takes three. Commit writes it after the session, so
// if Commit fails there may be no companion until Commit is called again.
func (s *Session) SetCompanion(value string) {
	s.change("SetCompanion", func() error {
		s.draft.Companion = &value
		return nil
	})
}

// followWithCompanion makes the companion match the session that was written.
func (s *Session) followWithCompanion(ctx context.Context, p *plan) error {
	later, err := s.m.companions.Follow(ctx, companion.Version{
		Handle: s.handle, Before: s.began, Proof: s.proof, Value: s.draft.Companion,
		Rotated: s.draft.Rotate, Switched: s.draft.Switched, Had: s.draft.Saved.Extras.Companion, Meta: p.facts,
	})
	s.note(opError(opCompanion, later))
	return translate(opCompanion, err)
}
