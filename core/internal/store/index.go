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
func Bucket(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % Buckets)
}

// Expect puts a session into the index of ends, with its deadline if it is used now.
// It comes before the session itself, so that no session is ever without.
func (s *Store) Expect(ctx context.Context, id string, m Meta) error {
	z := redis.Z{Score: score(time.Now().Add(s.left(m))), Member: id}
	return s.Client.ZAdd(ctx, s.Keys.Ends(Bucket(id)), z).Err()
}

// Hasten makes the end of a session due now, if it is in the index.
func (s *Store) Hasten(ctx context.Context, id string) error {
	z := redis.Z{Score: score(time.Now()), Member: id}
	return s.Client.ZAddXX(ctx, s.Keys.Ends(Bucket(id)), z).Err()
}

// Forget takes a session out of the index.
func (s *Store) Forget(ctx context.Context, id string) error {
	return s.Client.ZRem(ctx, s.Keys.Ends(Bucket(id)), id).Err()
}

func score(t time.Time) float64 { return float64(t.UnixMilli()) }
