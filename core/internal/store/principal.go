package store

import (
	"context"
	"fmt"
	"time"
)

// Enlisting is what [Store.Enlist] does with the index of a principal.
type Enlisting struct {
	Mode      Mode
	Principal string
	TTL       time.Duration // how long the index is to live at least
	Place     string        // the session whose place it takes, or ""
	Limit     int           // how many sessions there may be, 0 for any number
	Gone      []string      // sessions that are found to be gone
}

// Mode is what to do with the index of a principal.
type Mode string

// What to do with the index of a principal.
const (
	Check    Mode = "check"     // nothing: can it be written to?
	Add      Mode = "add"       // enlist the session
	Look     Mode = "look"      // tell all if there are too many
	MakeRoom Mode = "make room" // tell who has to give way
)

// Enlist puts a session into the index of its principal, or does what else the mode says.
// With [Busy] it returns sessions to look at, as some may be gone; with [Done] those that
// have to give way. [Unknown] says that the place to be taken is not there.
func (s *Store) Enlist(ctx context.Context, id string, e Enlisting) (Status, []string, error) {
	args := make([]any, 0, 6+len(e.Gone))
	args = append(args, id, time.Now().UnixMilli(), ms(e.TTL), e.Place, e.Limit, string(e.Mode))
	for _, gone := range e.Gone {
		args = append(args, gone)
	}
	reply, err := enlistScript.run(ctx, s.Client, []string{s.Keys.Principal(e.Principal)}, args...)
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
