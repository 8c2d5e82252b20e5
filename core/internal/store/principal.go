package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Enlist puts a session into the index of its principal, as the newest if it has just signed in.
// The index then lives for ttl at least. If the index has grown large, Enlist returns the oldest
// sessions: the caller looks which of them are gone.
func (s *Store) Enlist(ctx context.Context, handle, principal string, ttl time.Duration, signedIn bool) (oldest []Listing, err error) {
	place := ""
	if signedIn {
		place = "newest"
	}
	_, oldest, err = s.enlist(ctx, handle, principal, ttl, place, 0)
	return oldest, err
}

// Reserve is Enlist for a session that is about to sign in, if the index has fewer than limit sessions
// or has this one. Otherwise it changes nothing, and returns all that the index has.
func (s *Store) Reserve(ctx context.Context, handle, principal string, ttl time.Duration, limit int) (full []Listing, err error) {
	status, listed, err := s.enlist(ctx, handle, principal, ttl, "newest", limit)
	if status != Unknown {
		listed = nil
	}
	return listed, err
}

func (s *Store) enlist(ctx context.Context, handle, principal string, ttl time.Duration, place string, limit int) (Status, []Listing, error) {
	reply, err := enlistScript.run(ctx, s, []any{s.Keys.Principal(principal)}, handle, time.Now().UnixMilli(), ms(ttl), place, limit)
	if err != nil {
		return 0, nil, err
	}
	code, rest, err := replied(reply, nil)
	if err != nil {
		return 0, nil, err
	}
	listed, err := listings(rest)
	return code, listed, err
}

// Listing is a session in the index of a principal. A later sign-in has a higher score.
type Listing struct {
	Handle string
	Score  float64
}

// ListedAt is the listing of a session that has signed in by then.
func ListedAt(handle string, then time.Time) Listing { return Listing{handle, score(then)} }

// At is when the session signed in, by the clock of the process that served that request.
func (l Listing) At() time.Time { return time.UnixMilli(int64(l.Score)) }

// Listed returns the sessions in the index of a principal, oldest sign-in first. Some may be gone, or
// may belong to another principal by now.
func (s *Store) Listed(ctx context.Context, principal string) ([]Listing, error) {
	return s.listed(ctx, s.Keys.Principal(principal), -1)
}

// listed returns the places of an index up to last, -1 for all.
func (s *Store) listed(ctx context.Context, index string, last int) ([]Listing, error) {
	reply, err := listedScript.run(ctx, s, []any{index}, last)
	if err != nil {
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, odd(reply)
	}
	return listings(list)
}

// listings reads sessions and scores in turn.
func listings(list []any) ([]Listing, error) {
	listed := make([]Listing, 0, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		member, _ := list[i].(string)
		text, _ := list[i+1].(string)
		score, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("unexpected score in the reply from a script: %w", err)
		}
		listed = append(listed, Listing{member, score})
	}
	return listed, nil
}

// Unlist takes sessions out of the index of a principal. A session that has signed in again since it
// was listed stays.
func (s *Store) Unlist(ctx context.Context, principal string, gone ...Listing) error {
	args := make([]any, 0, 2*len(gone))
	for _, l := range gone {
		args = append(args, l.Handle, strconv.FormatFloat(l.Score, 'f', 0, 64))
	}
	_, err := unlistScript.run(ctx, s, []any{s.Keys.Principal(principal)}, args...)
	return err
}

// Remove takes a session out of the index of a principal, unless it has signed in after until.
func (s *Store) Remove(ctx context.Context, principal, handle string, until time.Time) error {
	return s.Unlist(ctx, principal, ListedAt(handle, until))
}

// CheckIndex tells whether the index of a principal can be read.
func (s *Store) CheckIndex(ctx context.Context, principal string) error {
	_, err := s.listed(ctx, s.Keys.Principal(principal), 0)
	return err
}
