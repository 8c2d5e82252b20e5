package store

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Buckets is the number of sorted sets that the index of ends consists of, so that a
// cluster spreads it over its masters. It is part of the format.
const Buckets = 16

// Bucket is where in the index a session is.
func Bucket(handle string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(handle))
	return int(h.Sum32() % Buckets)
}

// Expect puts a session into the index of ends, with its deadline if it is used now,
// unless it is there: it may have ended since.
// It comes before the session itself, so that no session is ever without.
func (s *Store) Expect(ctx context.Context, handle string, m Meta) error {
	return s.Client.ZAddNX(ctx, s.Keys.Ends(Bucket(handle)), s.due(handle, m)).Err()
}

// Advance moves the deadline of a session forward to what it is if it is used now, if it
// is in the index.
func (s *Store) Advance(ctx context.Context, handle string, m Meta) error {
	args := redis.ZAddArgs{XX: true, LT: true, Members: []redis.Z{s.due(handle, m)}}
	return s.Client.ZAddArgs(ctx, s.Keys.Ends(Bucket(handle)), args).Err()
}

// Hasten makes the end of a session due now, if it is in the index.
func (s *Store) Hasten(ctx context.Context, handle string) error {
	z := redis.Z{Score: score(time.Now()), Member: handle}
	return s.Client.ZAddXX(ctx, s.Keys.Ends(Bucket(handle)), z).Err()
}

// Forget takes a session out of the index that was never saved.
func (s *Store) Forget(ctx context.Context, handle string) error {
	return s.Client.ZRem(ctx, s.Keys.Ends(Bucket(handle)), handle).Err()
}

func (s *Store) due(handle string, m Meta) redis.Z {
	return redis.Z{Score: score(time.Now().Add(s.left(m))), Member: handle}
}

func score(t time.Time) float64 { return float64(t.UnixMilli()) }
