package store

import (
	"context"
	"fmt"
	"time"
)

// Enlist puts a session into the index of its principal, which is to live for ttl at
// least: in the place of another, or with "" as the newest. [Unknown] says that the place
// is not there. With [Busy] the index is large, and the oldest sessions are returned, to
// look at which are gone.
func (s *Store) Enlist(ctx context.Context, id, principal string, ttl time.Duration, place string) (Status, []string, error) {
	reply, err := enlistScript.run(ctx, s, []any{s.Keys.Principal(principal)},
		id, time.Now().UnixMilli(), ms(ttl), place)
	if err != nil {
		return 0, nil, err
	}
	list, ok := reply.([]any)
	if !ok || len(list) == 0 {
		return 0, nil, fmt.Errorf("unexpected reply of type %T from a script", reply)
	}
	ids := make([]string, len(list)-1)
	for i := range ids {
		ids[i], _ = list[i+1].(string)
	}
	code, err := status(list[0], nil)
	return code, ids, err
}

// Listing is a session in the index of a principal. Sessions with the same Score are one
// that is being rotated; of two sign-ins, the later one has the higher.
type Listing struct {
	ID    string
	Score float64
}

// Listed returns the sessions in the index of a principal, oldest sign-in first. Some
// may be gone.
func (s *Store) Listed(ctx context.Context, principal string) ([]Listing, error) {
	found, err := s.Client.ZRangeWithScores(ctx, s.Keys.Principal(principal), 0, -1).Result()
	list := make([]Listing, len(found))
	for i, z := range found {
		list[i] = Listing{z.Member.(string), z.Score}
	}
	return list, err
}

// Unlist takes sessions out of the index of a principal.
func (s *Store) Unlist(ctx context.Context, principal string, ids ...string) error {
	members := make([]any, len(ids))
	for i, id := range ids {
		members[i] = id
	}
	return s.Client.ZRem(ctx, s.Keys.Principal(principal), members...).Err()
}

// CheckIndex tells whether the index of a principal can be read.
func (s *Store) CheckIndex(ctx context.Context, principal string) error {
	return s.Client.ZCard(ctx, s.Keys.Principal(principal)).Err()
}
