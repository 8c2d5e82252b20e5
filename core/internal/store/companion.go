package store

import (
	"context"
	"time"
)

// A companion is a string for other programs to read. Its key is the bare handle. Beside it stands
// the proof of its session.

// NoProof stands beside the companion of a session that is gone. No ID has this proof.
const NoProof = "-"

// PutCompanion writes a companion and the session's proof. If Redis has a proof that is neither found nor the
// new one, PutCompanion writes nothing and returns false. If found is "", it writes whatever proof is there.
func (s *Store) PutCompanion(ctx context.Context, handle, found, proof, value string, m Meta) (bool, error) {
	return s.companion(ctx, handle, s.left(m), proof, "="+value, found)
}

// ProveCompanion writes the proof alone, on the same conditions, and only if there is a companion.
func (s *Store) ProveCompanion(ctx context.Context, handle, found, proof string, m Meta) (bool, error) {
	return s.companion(ctx, handle, s.left(m), proof, "", found)
}

// TouchCompanion makes the companion live as long as its session, which was used just now.
func (s *Store) TouchCompanion(ctx context.Context, handle string, m Meta) error {
	_, err := s.companion(ctx, handle, s.left(m), "", "", "")
	return err
}

// HoldCompanion makes the companion live as long as its session, and for LockTTL at least, while a
// request holds the session. It tells whether the proof is missing. It does not write it: a rotation that is under way
// may have deleted it, and this call may arrive late.
func (s *Store) HoldCompanion(ctx context.Context, handle, proof string, m Meta) (unproven bool, err error) {
	m.Timeout = max(m.Timeout, s.LockTTL)
	code, err := s.companionScript(ctx, handle, s.left(m), proof, "hold", proof)
	return code == Busy, err
}

// DeleteCompanion deletes a companion on the conditions of [Store.PutCompanion]. The new proof, the session's or
// [NoProof], stays for a while. So a call with an older proof that arrives late does not write the companion again.
func (s *Store) DeleteCompanion(ctx context.Context, handle, found, proof string) error {
	_, err := s.companion(ctx, handle, 0, proof, "-", found)
	return err
}

// HideCompanion deletes the proof if it is this one. With such a companion, nobody is signed in.
func (s *Store) HideCompanion(ctx context.Context, handle, proof string) error {
	_, err := s.companion(ctx, handle, 0, "", "hide", proof)
	return err
}

func (s *Store) companion(ctx context.Context, handle string, ttl time.Duration, proof, value, found string) (bool, error) {
	code, err := s.companionScript(ctx, handle, ttl, proof, value, found)
	return code != Rotated, err
}

func (s *Store) companionScript(ctx context.Context, handle string, ttl time.Duration, proof, value, found string) (Status, error) {
	return status(companionScript.run(ctx, s, []any{Companion(handle), CompanionProof(handle)}, ms(ttl), proof, value, found))
}

// left is how long a session that was used just now will live.
func (s *Store) left(m Meta) time.Duration {
	if s.Lifetime == 0 {
		return m.Timeout
	}
	return max(time.Millisecond, min(m.Timeout, time.Until(m.Born().Add(s.Lifetime))))
}
