package store

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Buckets is the number of sorted sets in the index of ends. With several, a cluster spreads the
// index over its masters. The number is part of the format: it must not change.
const Buckets = 16

// Bucket returns the bucket of the index for a session.
func Bucket(handle string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(handle))
	return int(h.Sum32() % Buckets)
}

// Expect puts a session into the index of ends. Its deadline counts from now. If the session is
// there already, Expect changes nothing: it may have ended since. Call Expect before the session is
// saved, so that every session is in the index.
func (s *Store) Expect(ctx context.Context, handle string, m Meta) error {
	return s.Client.ZAddNX(ctx, s.Keys.Ends(Bucket(handle)), s.due(handle, m)).Err()
}

// Advance makes the deadline of a session earlier, if the session is in the index and its deadline,
// counted from now, is earlier than the one there.
func (s *Store) Advance(ctx context.Context, handle string, m Meta) error {
	_, err := advanceScript.run(ctx, s, []any{s.Keys.Ends(Bucket(handle))}, ms(s.left(m))+time.Now().UnixMilli(), handle)
	return err
}

// Hasten makes the end of a session due now, if it is in the index.
func (s *Store) Hasten(ctx context.Context, handle string) error {
	_, err := hastenScript.run(ctx, s, []any{s.Keys.Ends(Bucket(handle))}, time.Now().UnixMilli(), handle)
	return err
}

// Forget takes a session that was never saved out of the index.
func (s *Store) Forget(ctx context.Context, handle string) error {
	return s.Client.ZRem(ctx, s.Keys.Ends(Bucket(handle)), handle).Err()
}

func (s *Store) due(handle string, m Meta) redis.Z {
	return redis.Z{Score: score(time.Now().Add(s.left(m))), Member: handle}
}

func score(t time.Time) float64 { return float64(t.UnixMilli()) }
