package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EndedMeta has the facts of a session that has ended.
type EndedMeta struct {
	Reason  string
	Used    time.Time // zero if not known
	Ended   time.Time
	Attempt int
	Created time.Time // zero if not known
	// Authenticated is as in [Extras].
	Authenticated time.Time
	Principal     string
}

// Claimed is what [Store.Claim] found of one session.
type Claimed struct {
	Handle string
	Status Status        // Done: claimed
	Left   time.Duration // with Alive
	Meta   EndedMeta     // with Done
	Proof  string
	MAC    string
	Fields map[string]string
	Err    error
}

// Due takes sessions that are due out of a bucket of the index, for the time taken. It returns when
// that time ends, for [Store.Defer].
func (s *Store) Due(ctx context.Context, bucket int, taken time.Duration, limit int) (handles []string, until int64, err error) {
	now := time.Now()
	until = now.Add(taken).UnixMilli()
	reply, err := dueScript.run(ctx, s, []any{s.Keys.Ends(bucket)}, now.UnixMilli(), until, limit)
	if err != nil {
		return nil, 0, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, 0, odd(reply)
	}
	for _, one := range list {
		handle, ok := one.(string)
		if !ok {
			return nil, 0, odd(one)
		}
		handles = append(handles, handle)
	}
	return handles, until, nil
}

// Defer moves sessions that [Store.Due] has taken to their deadlines.
func (s *Store) Defer(ctx context.Context, bucket int, until int64, deadlines map[string]time.Time) error {
	args := []any{until}
	for handle, deadline := range deadlines {
		args = append(args, deadline.UnixMilli(), handle)
	}
	_, err := deferScript.run(ctx, s, []any{s.Keys.Ends(bucket)}, args...)
	return err
}

// Claim claims the ends of sessions for a token. The status of a session says whether it has ended
// and was claimed. A second try with the same token does the same.
func (s *Store) Claim(ctx context.Context, handles []string, token string, keep time.Duration) []Claimed {
	calls := make([]call, len(handles))
	now := time.Now().UnixMilli()
	for i, handle := range handles {
		calls[i] = call{
			[]any{s.Keys.Data(handle), s.Keys.Alive(handle), s.Keys.Ended(handle), s.Keys.Claim(handle)},
			[]any{token, ms(s.LockTTL), now, ms(s.Lifetime), ms(keep)},
		}
	}
	claims := make([]Claimed, len(handles))
	for i, r := range claimScript.runAll(ctx, s, calls) {
		claims[i] = claimed(r)
		claims[i].Handle = handles[i]
	}
	return claims
}

func claimed(r reply) (c Claimed) {
	if r.err != nil {
		return Claimed{Err: r.err}
	}
	var with []any
	if c.Status, with, c.Err = replied(r.value, map[Status]int{Alive: 2, Done: 2}); c.Err != nil {
		return c
	}
	switch c.Status {
	case Alive:
		left, _ := with[0].(int64)
		c.Left = time.Duration(left) * time.Millisecond
	case Done:
		c.found(fieldMap(with[0]))
	}
	return c
}

// found moves the facts about the end out of the fields.
func (c *Claimed) found(fields map[string]string) {
	c.Meta, c.Err = endedMeta(fields[MetaField])
	c.Proof, c.MAC, c.Fields = takeOwn(fields)
}

// RenewClaim prolongs a claim, and keeps the data. The status is Lost if the token has no claim any
// more.
func (s *Store) RenewClaim(ctx context.Context, handle, token string, keep time.Duration) (Status, error) {
	return status(unclaimScript.run(ctx, s, s.endKeys(handle), token, "renew", ms(s.LockTTL), ms(keep)))
}

// GiveBack ends a claim whose end was not handled. The end is due again after LockTTL.
func (s *Store) GiveBack(ctx context.Context, handle, token string) error {
	due := time.Now().Add(s.LockTTL).UnixMilli()
	if _, err := hastenScript.run(ctx, s, []any{s.Keys.Ends(Bucket(handle))}, due, handle); err != nil {
		return err
	}
	_, err := unclaimScript.run(ctx, s, s.endKeys(handle), token, "back", 0, 0)
	return err
}

// PutAside ends a claim and keeps the session aside: nobody gets it until [Store.Replay].
func (s *Store) PutAside(ctx context.Context, handle, token string) error {
	if _, err := unclaimScript.run(ctx, s, s.endKeys(handle), token, "aside", 0, 0); err != nil {
		return err
	}
	bucket := Bucket(handle)
	_, err := asideScript.run(ctx, s, []any{s.Keys.Ends(bucket), s.Keys.Aside(bucket)}, handle, time.Now().UnixMilli())
	return err
}

// Replay makes a session that was put aside due again. Attempts count from the start.
func (s *Store) Replay(ctx context.Context, handle string) (Status, error) {
	if _, err := unclaimScript.run(ctx, s, s.endKeys(handle), "", "replay", 0, 0); err != nil {
		return 0, err
	}
	bucket := Bucket(handle)
	return status(asideScript.run(ctx, s, []any{s.Keys.Aside(bucket), s.Keys.Ends(bucket)}, handle, time.Now().UnixMilli()))
}

// Aside returns the sessions of a bucket that were put aside. The one that was put aside first comes
// first.
func (s *Store) Aside(ctx context.Context, bucket int) ([]string, error) {
	listed, err := s.listed(ctx, s.Keys.Aside(bucket), -1)
	handles := make([]string, len(listed))
	for i, one := range listed {
		handles[i] = one.Handle
	}
	return handles, err
}

// Look returns what Redis still has of a session that has ended. It claims nothing.
func (s *Store) Look(ctx context.Context, handle string) Claimed {
	reply, err := fieldsScript.run(ctx, s, []any{s.Keys.Ended(handle)})
	fields := fieldMap(reply)
	c := Claimed{Handle: handle, Status: Done, Err: err}
	switch {
	case err != nil:
	case len(fields) == 0:
		c.Meta.Reason = "unknown"
	default:
		c.found(fields)
	}
	return c
}

// Handling is a session whose end was handled, and the token of its claim.
type Handling struct{ Handle, Token string }

// Handled takes sessions out of the index, and then deletes their data. If an error leaves something
// behind, it is due again or expires. Handled returns the first error.
func (s *Store) Handled(ctx context.Context, handled []Handling) error {
	pipeline := s.Client.Pipeline()
	for _, h := range handled {
		bucket := Bucket(h.Handle)
		pipeline.ZRem(ctx, s.Keys.Ends(bucket), h.Handle)
		pipeline.ZRem(ctx, s.Keys.Aside(bucket), h.Handle) // another attempt may have put it there
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return err
	}
	calls := make([]call, len(handled))
	for i, h := range handled {
		calls[i] = call{s.endKeys(h.Handle), []any{h.Token, "done", 0, 0}}
	}
	for _, r := range unclaimScript.runAll(ctx, s, calls) {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// Drop deletes a session that was put aside. The status is Unknown if there is none.
func (s *Store) Drop(ctx context.Context, handle string) (Status, error) {
	kept, err := s.Aside(ctx, Bucket(handle)) // by a script, which no replica answers
	if err != nil {
		return 0, err
	}
	if !slices.Contains(kept, handle) {
		return Unknown, nil
	}
	return Done, s.Handled(ctx, []Handling{{Handle: handle}})
}

func (s *Store) endKeys(handle string) []any {
	return []any{s.Keys.Ended(handle), s.Keys.Claim(handle)}
}

// endedMeta reads what claim.lua and retire.lua wrote.
func endedMeta(text string) (EndedMeta, error) {
	rest, ok := strings.CutPrefix(text, "2 ended ")
	if !ok {
		return EndedMeta{}, ErrFormat
	}
	var part [6]string
	for i := range part {
		if part[i], rest, ok = strings.Cut(rest, " "); !ok {
			return EndedMeta{}, ErrFormat
		}
	}
	var number [6]int64
	for i := 1; i < len(part); i++ {
		var err error
		if number[i], err = strconv.ParseInt(part[i], 10, 64); err != nil {
			return EndedMeta{}, ErrFormat
		}
	}
	m := EndedMeta{Reason: part[0], Ended: time.UnixMilli(number[2]), Attempt: int(number[3]), Principal: rest}
	if number[1] != 0 {
		m.Used = time.UnixMilli(number[1])
	}
	if number[4] != 0 {
		m.Created = time.UnixMilli(number[4])
	}
	if number[5] != 0 {
		m.Authenticated = time.UnixMilli(number[5])
	}
	return m, nil
}
