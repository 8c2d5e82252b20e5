package session

import (
	"time"

	"github.com/berthgo/berth/core/internal/credential"
)

// Crowd makes any two calls enough for those of different requests to share a pipeline.
func (m *Manager) Crowd() {
	if b := m.store.Batches; b != nil {
		b.Crowd, b.Near = 2, time.Hour
	}
}

// NewID is how IDs are made.
func NewID() string { return credential.New(credential.NewHandle()) }

// Proof is what Redis has of an ID.
var Proof = credential.Proof

// Delta finds what a commit would write.
func (s *Session) Delta() (changed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.changes()
	return len(c.Set) + len(c.Deleted), err
}

// Header is the content of the Set-Cookie for an ID.
func (m *Manager) Header(id string) string {
	return m.carrier.Header(id, m.options.Cookie.MaxAge, true)
}
