package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// A companion is a string whose key is a session ID and nothing else, for other
// programs to read.

// PutCompanion creates a companion unless there is one, and returns whether it did.
func (s *Store) PutCompanion(ctx context.Context, id, value string, m Meta) (bool, error) {
	err := s.Client.SetArgs(ctx, id, value, redis.SetArgs{Mode: "NX", TTL: s.left(m)}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// Companion returns the companion and whether there is one.
func (s *Store) Companion(ctx context.Context, id string) (string, bool, error) {
	value, err := s.Client.Get(ctx, id).Result()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	return value, err == nil, err
}

// TouchCompanion makes the companion live as long as its session, which was used
// just now; while that is held, for LockTTL at least.
func (s *Store) TouchCompanion(ctx context.Context, id string, m Meta, held bool) error {
	left := s.left(m)
	if held && m.Timeout < s.LockTTL {
		m.Timeout = s.LockTTL
		left = s.left(m)
	}
	return s.Client.PExpire(ctx, id, left).Err()
}

// DeleteCompanion deletes a companion, if there is one.
func (s *Store) DeleteCompanion(ctx context.Context, id string) error {
	return s.Client.Del(ctx, id).Err()
}

// left is how long a session lives that was used just now.
func (s *Store) left(m Meta) time.Duration {
	if s.Lifetime == 0 {
		return m.Timeout
	}
	return max(time.Millisecond, min(m.Timeout, time.Until(m.Created.Add(s.Lifetime))))
}
