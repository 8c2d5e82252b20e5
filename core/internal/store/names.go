package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Names returns the names of a session's fields, sorted, without those that are berth's own.
func (s *Store) Names(ctx context.Context, handle string) ([]string, error) {
	names, err := s.Client.HKeys(ctx, s.Keys.Data(handle)).Result()
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, MetaField) })
	slices.Sort(names)
	return names, err
}

// ProcessOf is the name of the process that made a token, "" if the token does not tell.
func ProcessOf(token string) string {
	if len(token) != tokenLength {
		return ""
	}
	return token[:processLength]
}

// IsAside tells whether the end of a session was put aside.
func (s *Store) IsAside(ctx context.Context, handle string) (bool, error) {
	aside, err := s.Aside(ctx, Bucket(handle)) // by a script, which a replica refuses
	return slices.Contains(aside, handle), err
}

// EndCounts is what the index of ends has.
type EndCounts struct {
	Tracked int       // sessions in the index, live or ended
	Aside   int       // ends that were put aside
	Next    time.Time // the earliest deadline of Tracked, the zero time if there is none
}

// CountEnds counts what the index of ends has.
func (s *Store) CountEnds(ctx context.Context) (EndCounts, error) {
	var tracked, aside [Buckets]*redis.IntCmd
	var first [Buckets]*redis.ZSliceCmd
	pipeline := s.Client.Pipeline()
	for i := range Buckets {
		tracked[i] = pipeline.ZCard(ctx, s.Keys.Ends(i))
		aside[i] = pipeline.ZCard(ctx, s.Keys.Aside(i))
		first[i] = pipeline.ZRangeWithScores(ctx, s.Keys.Ends(i), 0, 0)
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return EndCounts{}, err
	}
	var c EndCounts
	for i := range Buckets {
		c.Tracked += int(tracked[i].Val())
		c.Aside += int(aside[i].Val())
		for _, one := range first[i].Val() {
			if at := time.UnixMilli(int64(one.Score)); c.Next.IsZero() || at.Before(c.Next) {
				c.Next = at
			}
		}
	}
	return c, nil
}
