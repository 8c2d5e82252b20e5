package session

import (
	"fmt"

	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/values"
)

// With encryption keys, a field of each session has a MAC of whose the session is, of its proof, and
// of when its user signed in: so only a process with a key can have written them.

// macField returns that field, nil without encryption keys.
func (s *Session) macField(proof string, m store.Meta) []any {
	sealer := s.m.coding.Sealer
	if sealer == nil {
		return nil
	}
	return []any{store.MACField, sealer.MAC(values.Facts{
		Handle: s.handle, Proof: proof, Principal: m.Principal, Authenticated: m.Extras.Authenticated,
	})}
}

// verify returns ErrForged if the MAC does not match what was loaded.
func (m *Manager) verify(mac, handle, proof string, facts store.Meta) error {
	if m.coding.Sealer.Verify(mac, values.Facts{
		Handle: handle, Proof: proof, Principal: facts.Principal, Authenticated: facts.Extras.Authenticated,
	}) {
		return nil
	}
	return forged(handle)
}

// verifyEnded is verify for a session that has ended. Without data there is nothing to verify.
func (m *Manager) verifyEnded(c store.Claimed) error {
	if c.Meta.Reason == string(Unknown) && c.Meta.Principal == "" && len(c.Fields) == 0 {
		return nil
	}
	facts := store.Meta{Principal: c.Meta.Principal}
	facts.Extras.Authenticated = c.Meta.Authenticated
	return m.verify(c.MAC, c.Handle, c.Proof, facts)
}

// forged is [ErrForged] of a session.
func forged(handle string) error { return fmt.Errorf("%w (session %s)", ErrForged, handle) }
