package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Change is what a commit writes.
type Change struct {
	Timeout   time.Duration // 0 to keep the session's own
	Extras    Extras        // the extras that change
	Principal *string       // nil to keep the session's own
	Wipe      bool          // with Principal: first delete all values
	Proof     string        // the new proof, "" to keep the session's own
	Set       []any         // field, value, field, value, …
	Delete    []any         // field, field, …
}

// short tells whether the short form of commit.lua may be enough for a change.
func (c Change) short() bool {
	return c.Timeout == 0 && c.Extras == Extras{} && c.Principal == nil && c.Proof == "" && len(c.Delete) == 0 && len(c.Set) <= shortFields
}

// script chooses between two forms of a script. On a server whose memory is full, needs is refused, and frees is
// not. A change that writes no values, or signs a user out, gets frees.
func (c Change) script(needs, frees script) script {
	signsIn := c.Principal != nil && *c.Principal != ""
	signsOut := c.Principal != nil && *c.Principal == ""
	if signsOut || len(c.Set) == 0 && !signsIn {
		return frees
	}
	return needs
}

// shortFields is how many fields and values together the short form writes at most: Lua's unpack()
// has a limit.
const shortFields = 1000

// Create saves a new session. It never overwrites a session. A second try with the same commit token,
// which is in the facts, changes nothing. Set is a list: field, value, field, value, …
func (s *Store) Create(ctx context.Context, handle, proof string, m Meta, set []any) (Status, error) {
	args := make([]any, 0, 7+len(set))
	args = append(args, m.Commit, ms(m.Timeout), s.deadline(m), MetaField, m.String(), SecretField, proof)
	args = append(args, set...)
	return status(createScript.run(ctx, s, s.dataKeys(handle), args...))
}

// Commit writes a change to a session whose lease the token holds, starts the idle time anew, and
// gives up the lease. It writes the token even if nothing else changes: so a second try finds out
// what the first one did. Keys are those that Begin returned. If the change is more than values,
// Commit returns the extras after it.
func (s *Store) Commit(ctx context.Context, handle string, keys []any, token string, c Change) (Status, Extras, error) {
	args := make([]any, 0, 5+len(c.Set)+len(c.Delete))
	args = append(args, token, s.channels())
	if s.short() && c.short() {
		code, err := perhaps(c.script(commitScript, commitFreeScript).run(ctx, s, keys, append(args, c.Set...)...))
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
	code, extras, err := withExtras(c.script(commitScript, commitFreeScript).run(ctx, s, s.whole(handle, keys), args...))
	code, err = complete(code, err)
	return code, extras, err
}

// particulars is one argument for commit.lua and merge.lua, with what most commits do not need.
func (s *Store) particulars(c Change) string {
	timeout := ""
	if c.Timeout != 0 {
		timeout = strconv.FormatInt(ms(c.Timeout), 10)
	}
	return fmt.Sprintf("%d %d %s %s", len(c.Delete), ms(s.Lifetime), timeout, c.Extras)
}

// Merge writes a change to a session without a lease. Proof is the one with which the caller began
// the session. The principal and the proof stay. A second try with the same token changes nothing:
// for a minute, and as long as the token is among the last 32 of such commits.
func (s *Store) Merge(ctx context.Context, handle, proof, token string, c Change) (Status, error) {
	args := make([]any, 0, 3+len(c.Set)+len(c.Delete))
	args = append(args, token, s.particulars(c), proof)
	args = append(append(args, c.Set...), c.Delete...)
	return status(c.script(mergeScript, mergeFreeScript).run(ctx, s, append(s.dataKeys(handle), s.Keys.Merged(handle), s.Keys.Lock(handle)), args...))
}

// Retirement says how a session is to be retired.
type Retirement struct {
	Token     string  // names this retirement, for a second try
	Known     bool    // the caller has had the session, with a companion
	Lease     string  // the lease that the caller may hold, "" for none; Retire gives it up
	Reason    string  // one word
	Proof     string  // the proof with which the caller began the session
	Principal *string // the principal to whom the session must belong, nil for any
	Any       bool    // also delete a session that cannot be read
}

// Retire ends a session. A second try with the same token changes nothing. Retire also returns the
// extras that the session had.
func (s *Store) Retire(ctx context.Context, handle string, r Retirement) (Status, Extras, error) {
	whose := ""
	if r.Principal != nil {
		whose = "=" + *r.Principal
	}
	keys := append(s.Keys.Request(handle), s.Keys.Alive(handle), s.Keys.Ended(handle))
	args := []any{r.Token, r.Lease, s.channels(), r.Reason, time.Now().UnixMilli(), r.Proof, whose, r.Any}
	code, had, err := withExtras(retireScript.run(ctx, s, keys, args...))
	if redis.IsTryAgainError(err) {
		return s.retireAlone(ctx, handle, args, err)
	}
	code, err = complete(code, err)
	return code, had, err
}

// withExtras reads the reply of a script: a status, and the extras if the status is Done.
func withExtras(reply any, err error) (Status, Extras, error) {
	list, isList := reply.([]any)
	if err != nil || !isList {
		code, err := perhaps(reply, err)
		return code, Extras{}, err
	}
	code, with, err := replied(list, map[Status]int{Done: 2})
	if err != nil || code != Done {
		return code, Extras{}, err
	}
	text, _ := with[0].(string)
	extras, _ := parseExtras(text) // the script has done its work, even if this cannot be read
	return Done, extras, nil
}
