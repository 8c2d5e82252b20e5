package session

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// Client returns the client of a manager.
func (m *Manager) Client() redis.UniversalClient { return m.store.Client }

// Crowd makes any two calls enough for those of different requests to share a pipeline.
func (m *Manager) Crowd() {
	if b := m.store.Batches; b != nil {
		b.Crowd, b.Near = 2, time.Hour
	}
}

// NewID is how IDs are made.
func NewID() string { return newID(newHandle()) }

// Proof is what Redis has of an ID.
var Proof = proofOf

// Delta finds what a commit would write.
func (s *Session) Delta() (changed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.delta()
	return len(d.set) + len(d.deleted), err
}

// Header is the content of the Set-Cookie for an ID.
func (m *Manager) Header(id string) string { return m.options.Cookie.header(id, true) }
