package session

import "github.com/redis/go-redis/v9"

// Client returns the client of a manager.
func (m *Manager) Client() redis.UniversalClient { return m.store.Client }
