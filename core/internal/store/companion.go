package store

import (
	"context"
	"time"
)

// A companion is a string whose key is a handle and nothing else, for other programs to
// read. Beside it stands the proof of its session.

// NoProof is what stands beside the companion of a session that is gone: no ID has it.
const NoProof = "-"

// PutCompanion writes a companion and the session's proof, if it finds the proof found, none, or
// that; with found "" in any case. It returns whether it did.
func (s *Store) PutCompanion(ctx context.Context, handle, found, proof, value string, m Meta) (bool, error) {
	return s.companion(ctx, handle, s.left(m), proof, "="+value, found)
}

// ProveCompanion does so with the proof alone, if there is a companion.
func (s *Store) ProveCompanion(ctx context.Context, handle, found, proof string, m Meta) (bool, error) {
	return s.companion(ctx, handle, s.left(m), proof, "", found)
}

// TouchCompanion makes the companion live as long as its session, which was used just now.
func (s *Store) TouchCompanion(ctx context.Context, handle string, m Meta) error {
	_, err := s.companion(ctx, handle, s.left(m), "", "", "")
	return err
}

// HoldCompanion does so for who holds the session, for LockTTL at least, and writes the proof if it
// finds none.
func (s *Store) HoldCompanion(ctx context.Context, handle, proof string, m Meta) error {
	m.Timeout = max(m.Timeout, s.LockTTL)
	_, err := s.companion(ctx, handle, s.left(m), proof, "", proof)
	return err
}

// DeleteCompanion deletes a companion, if it finds the proof found, with "" in any case. The
// session's proof, or [NoProof], is kept for a while, so that nobody writes it again with an older one.
func (s *Store) DeleteCompanion(ctx context.Context, handle, found, proof string) error {
	_, err := s.companion(ctx, handle, 0, proof, "-", found)
	return err
}

// HideCompanion takes the proof away, if it is that, so that a companion is nobody's.
func (s *Store) HideCompanion(ctx context.Context, handle, proof string) error {
	_, err := s.companion(ctx, handle, 0, "", "hide", proof)
	return err
}

func (s *Store) companion(ctx context.Context, handle string, ttl time.Duration, proof, value, found string) (bool, error) {
	code, err := status(companionScript.run(ctx, s, []any{Companion(handle), CompanionProof(handle)}, ms(ttl), proof, value, found))
	return code != Rotated, err
}

// left is how long a session lives that was used just now.
func (s *Store) left(m Meta) time.Duration {
	if s.Lifetime == 0 {
		return m.Timeout
	}
	return max(time.Millisecond, min(m.Timeout, time.Until(m.Born().Add(s.Lifetime))))
}
