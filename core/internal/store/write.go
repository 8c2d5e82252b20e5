package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Change is what a commit writes.
type Change struct {
	Timeout   time.Duration // 0 to keep the session's own
	Extras    Extras        // those that change
	Principal *string       // nil to keep the one that there is
	Wipe      bool          // with Principal: all values that are there go first
	Proof     string        // the new one, "" to keep the one that there is
	Set       []any         // field, value, field, value, …
	Delete    []any         // field, field, …
}

// Short tells whether the short form of commit.lua may do for a change.
func (c Change) short() bool {
	return c.Timeout == 0 && c.Extras == Extras{} && c.Principal == nil && c.Proof == "" && len(c.Delete) == 0 && len(c.Set) <= shortFields
}

// shortFields is how many fields and values the short form writes at most, since unpack()
// has a limit.
const shortFields = 1000

// Create saves a new session. Tried again with the same commit token, which is in its facts, it
// does nothing more, and it never overwrites a session. Set is a list of fields and values.
func (s *Store) Create(ctx context.Context, handle, proof string, m Meta, set []any) (Status, error) {
	args := make([]any, 0, 7+len(set))
	args = append(args, m.Commit, ms(m.Timeout), s.deadline(m), MetaField, m.String(), SecretField, proof)
	args = append(args, set...)
	return status(createScript.run(ctx, s, s.dataKeys(handle), args...))
}

// Commit writes a change to a session whose lease a token holds, starts the idle
// time anew and gives the lease up. The token is written even if nothing
// else is, so that a second try finds what the first has done. The keys are the
// session's, as Begin returned them. Of a change that is more than values, it returns the
// extras that there are then.
func (s *Store) Commit(ctx context.Context, handle string, keys []any, token string, c Change) (Status, Extras, error) {
	args := make([]any, 0, 5+len(c.Set)+len(c.Delete))
	args = append(args, token, s.channels())
	if s.short() && c.short() {
		code, err := status(commitScript.run(ctx, s, keys, append(args, c.Set...)...))
		if err != nil || code != incomplete {
			return code, Extras{}, err
		}
	}
	principal := ""
	switch {
	case c.Wipe:
		principal = "!" + *c.Principal
	case c.Principal != nil:
		principal = "=" + *c.Principal
	}
	args = append(args, s.particulars(c), c.Proof, principal)
	args = append(append(args, c.Set...), c.Delete...)
	return withExtras(commitScript.run(ctx, s, s.whole(handle, keys), args...))
}

// particulars tells commit.lua and merge.lua what most commits do not need.
func (s *Store) particulars(c Change) string {
	timeout := ""
	if c.Timeout != 0 {
		timeout = strconv.FormatInt(ms(c.Timeout), 10)
	}
	return fmt.Sprintf("%d %d %s %s", len(c.Delete), ms(s.Lifetime), timeout, c.Extras)
}

// Merge writes a change to a session without asking for a lease, for who began it with a
// proof. The principal and the proof stay. Tried again with the same token it does nothing
// more, for a minute and as long as there were not very many other commits.
func (s *Store) Merge(ctx context.Context, handle, proof, token string, c Change) (Status, error) {
	args := make([]any, 0, 3+len(c.Set)+len(c.Delete))
	args = append(args, token, s.particulars(c), proof)
	args = append(append(args, c.Set...), c.Delete...)
	return status(mergeScript.run(ctx, s, append(s.dataKeys(handle), s.Keys.Merged(handle), s.Keys.Lock(handle)), args...))
}

// Retirement says how a session is to be retired.
type Retirement struct {
	Token     string  // of who retires it
	Lease     string  // that the caller may hold and that is given up, "" for none
	Reason    string  // one word
	Proof     string  // with which the session was begun
	Principal *string // that the session must belong to, nil for any
	Any       bool    // also what cannot be read is taken away
}

// Retire ends a session. Tried again with the same token it does nothing more. It also
// returns the extras that the session had.
func (s *Store) Retire(ctx context.Context, handle string, r Retirement) (Status, Extras, error) {
	whose := ""
	if r.Principal != nil {
		whose = "=" + *r.Principal
	}
	keys := append(s.Keys.Request(handle), s.Keys.Alive(handle), s.Keys.Ended(handle))
	return withExtras(retireScript.run(ctx, s, keys,
		r.Token, r.Lease, s.channels(), r.Reason, time.Now().UnixMilli(), r.Proof, whose, r.Any))
}

// withExtras is the status that a script returned, with the extras if it is Done.
func withExtras(reply any, err error) (Status, Extras, error) {
	list, done := reply.([]any)
	if err != nil || !done || len(list) != 2 {
		code, err := status(reply, err)
		return code, Extras{}, err
	}
	text, _ := list[1].(string)
	extras, _ := parseExtras(text) // it is done, whatever they were
	return Done, extras, nil
}
