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

// Expect puts a session into the index of ends, with its deadline if it is used now,
// unless it is there: it may have ended since.
// It comes before the session itself, so that no session is ever without.
func (s *Store) Expect(ctx context.Context, id string, m Meta) error {
	return s.Client.ZAddNX(ctx, s.Keys.Ends(Bucket(id)), s.due(id, m)).Err()
}

// Advance moves the deadline of a session forward to what it is if it is used now, if it
// is in the index.
func (s *Store) Advance(ctx context.Context, id string, m Meta) error {
	args := redis.ZAddArgs{XX: true, LT: true, Members: []redis.Z{s.due(id, m)}}
	return s.Client.ZAddArgs(ctx, s.Keys.Ends(Bucket(id)), args).Err()
}

// Hasten makes the end of a session due now, if it is in the index.
func (s *Store) Hasten(ctx context.Context, id string) error {
	z := redis.Z{Score: score(time.Now()), Member: id}
	return s.Client.ZAddXX(ctx, s.Keys.Ends(Bucket(id)), z).Err()
}

// Drop takes sessions of a bucket out of the index that went on under other IDs. That they did
// is still known for a while, to who may have to ask.
func (s *Store) Drop(ctx context.Context, bucket int, ids []string) error {
	members := make([]any, len(ids))
	for i, id := range ids {
		members[i] = id
	}
	return s.Client.ZRem(ctx, s.Keys.Ends(bucket), members...).Err()
}

// Forget takes a session that went on under another ID out of the index.
func (s *Store) Forget(ctx context.Context, id string) error {
	if err := s.Client.ZRem(ctx, s.Keys.Ends(Bucket(id)), id).Err(); err != nil {
		return err
	}
	return s.Client.Del(ctx, s.Keys.Ended(id)).Err()
}

func (s *Store) due(id string, m Meta) redis.Z {
	return redis.Z{Score: score(time.Now().Add(s.left(m))), Member: id}
}

func score(t time.Time) float64 { return float64(t.UnixMilli()) }
