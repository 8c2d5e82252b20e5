package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Status is what a script found or did.
type Status int

// The codes of lua/lib.lua.
const (
	Done        Status = 1 // done, loaded, written
	Busy        Status = 2 // another token holds the lease
	Unknown     Status = 3 // no such session, or no longer
	Retired     Status = 4 // ended or rotated a short time ago
	unsupported Status = 5 // becomes ErrFormat
	Lost        Status = 6 // the token does not hold the lease
	Changed     Status = 7 // there was another commit since
	Alive       Status = 8 // the session has not ended
	incomplete  Status = 0 // the short form is not enough
)

// Queueing says what [Store.Begin] does when the lease is taken.
type Queueing string

// What to do when the lease is taken.
const (
	Once  Queueing = "once"  // nothing
	Queue Queueing = "queue" // wait in the queue
	Again Queueing = "again" // the same, for a token that may be in it already
)

// Store runs the operations on the sessions of one application. It is safe for
// concurrent use. An id is the one that names the keys.
type Store struct {
	Client    redis.UniversalClient
	Keys      Keys
	LockTTL   time.Duration
	Lifetime  time.Duration // longest life of a session, 0 for none
	RetireTTL time.Duration // how long an ID stays retired
	Tracked   bool          // the ends of sessions are
	Sharded   bool          // messages go by sharded pub/sub where the server has it
	Batches   *Batches      // nil if each call is to be sent alone
}

// do sends the commands of one call in one round trip.
func (s *Store) do(ctx context.Context, cmds ...redis.Cmder) {
	if s.Batches != nil {
		s.Batches.do(ctx, s.Client, cmds...)
		return
	}
	send(ctx, s.Client, cmds)
}

// Loaded is what [Store.Begin] and [Store.Load] found.
type Loaded struct {
	Status Status
	Meta   Meta // with Done

	// Fields are the values, without the session's own facts.
	Fields map[string]string

	// Keys are those of [Keys.Request], from [Store.Begin] for [Store.Commit].
	Keys []any

	// Gone tells that the session went between the script and the HGETALL after it: what
	// [Store.Begin] took for it is to be released.
	Gone bool
}

// Change is what a commit writes.
type Change struct {
	Token   string        // of the commit
	After   string        // the commit that must have been the last, "" for any; with Merge only
	Timeout time.Duration // 0 to keep the session's own
	Extras  Extras        // those that change
	Set     []any         // field, value, field, value, …
	Delete  []any         // field, field, …
}

// short tells whether the short form of commit.lua may do for a commit by a lease.
func (c Change) short(lease string) bool {
	return c.Token == lease && c.Timeout == 0 && c.Extras == Extras{} && len(c.Delete) == 0 && len(c.Set) <= shortFields
}

// shortFields is how many fields and values the short form writes at most, since unpack()
// has a limit.
const shortFields = 1000

// Begin takes the lease of a session for a token, loads the session and starts
// its idle time anew. Tried again with the same token it does the same: a token
// that already holds the lease keeps it.
func (s *Store) Begin(ctx context.Context, id, token string, q Queueing) (Loaded, error) {
	keys := s.Keys.Request(id)
	l, err := s.begin(ctx, keys, token, q)
	l.Keys = keys
	return l, err
}

func (s *Store) begin(ctx context.Context, keys []any, token string, q Queueing) (Loaded, error) {
	if q == Queue && s.short() {
		l, err := s.loading(ctx, beginScript, keys[:3], false, token, ms(s.LockTTL))
		if err != nil || l.Status != incomplete {
			return l, err
		}
	}
	full := q == Again || s.Sharded
	return s.loading(ctx, beginScript, keys, full, token, ms(s.LockTTL), string(q), s.channels(), ms(s.Lifetime), fields(full))
}

// Load loads a session without a lease and starts its idle time anew.
func (s *Store) Load(ctx context.Context, id string) (Loaded, error) {
	if s.short() {
		l, err := s.loading(ctx, loadScript, []any{s.Keys.Data(id)}, false)
		if err != nil || l.Status != incomplete {
			return l, err
		}
	}
	return s.loading(ctx, loadScript, s.dataKeys(id), s.Sharded, ms(s.Lifetime), fields(s.Sharded))
}

// short tells whether the short forms of scripts do for most sessions.
func (s *Store) short() bool { return !s.Sharded && !s.Tracked && s.Lifetime == 0 }

// loading runs a script that loads a session. The fields come with a HGETALL in the same
// round trip. Where most often there is nothing to load yet, and on a cluster, whose
// client tries pipelines again by itself, they come with the script.
func (s *Store) loading(ctx context.Context, script script, keys []any, full bool, args ...any) (Loaded, error) {
	if full {
		return loaded(script.run(ctx, s, keys, args...))
	}
	reply, fields, err := script.runAndLoad(ctx, s, keys, args...)
	l, err := loaded(reply, err)
	if err != nil || l.Status != Done {
		return l, err
	}
	switch meta := fields[MetaField]; {
	case meta == "":
		return Loaded{Status: Unknown, Gone: true}, nil
	case strings.HasPrefix(meta, "1 retired "):
		return Loaded{Status: Retired, Gone: true}, nil
	default:
		return found(fields)
	}
}

// fields is how a script is asked to return them.
func fields(full bool) string {
	if full {
		return "fields"
	}
	return ""
}

// Create saves a new session, which lives for its timeout, and for least at least. Tried
// again with the same commit token it does nothing more, and it never overwrites a session.
// Set is a list of fields and values.
func (s *Store) Create(ctx context.Context, id string, m Meta, least time.Duration, set []any) (Status, error) {
	args := make([]any, 0, 5+len(set))
	args = append(args, m.Commit, ms(max(m.Timeout, least)), s.deadline(m.Created), MetaField, m.String())
	args = append(args, set...)
	return status(createScript.run(ctx, s, s.dataKeys(id), args...))
}

// Commit writes a change to a session whose lease a token holds, starts the idle
// time anew and gives the lease up. The commit's token is written even if nothing
// else is, so that a second try finds what the first has done. The keys are the
// session's, as Begin returned them.
func (s *Store) Commit(ctx context.Context, keys []any, lease string, c Change) (Status, error) {
	args := make([]any, 0, 4+len(c.Set)+len(c.Delete))
	args = append(args, lease, s.channels())
	if s.short() && c.short(lease) {
		code, err := status(commitScript.run(ctx, s, keys[:3], append(args, c.Set...)...))
		if err != nil || code != incomplete {
			return code, err
		}
	}
	args = append(args, c.Token, s.particulars(c))
	args = append(append(args, c.Set...), c.Delete...)
	return status(commitScript.run(ctx, s, keys, args...))
}

// particulars tells commit.lua and merge.lua what most commits do not need.
func (s *Store) particulars(c Change) string {
	timeout := ""
	if c.Timeout != 0 {
		timeout = strconv.FormatInt(ms(c.Timeout), 10)
	}
	return fmt.Sprintf("%d %d %s %s", len(c.Delete), ms(s.Lifetime), timeout, c.Extras)
}

// Merge writes a change to a session without asking for a lease. Tried again with the
// same token it does nothing more, unless there was another commit since.
func (s *Store) Merge(ctx context.Context, id string, c Change) (Status, error) {
	args := make([]any, 0, 2+len(c.Set)+len(c.Delete))
	particulars := s.particulars(c)
	if c.After != "" {
		particulars += " " + c.After
	}
	args = append(args, c.Token, particulars)
	args = append(append(args, c.Set...), c.Delete...)
	return status(mergeScript.run(ctx, s, s.dataKeys(id), args...))
}

// Renew prolongs the lease by its TTL and keeps the session from expiring
// meanwhile.
func (s *Store) Renew(ctx context.Context, id, lease string) (Status, error) {
	return status(renewScript.run(ctx, s, []any{s.Keys.Data(id), s.Keys.Lock(id), s.Keys.Alive(id)}, lease, ms(s.LockTTL), ms(s.Lifetime)))
}

// Release gives up the lease, or the place in its queue, without writing.
func (s *Store) Release(ctx context.Context, id, token string) error {
	_, err := releaseScript.run(ctx, s, []any{s.Keys.Lock(id), s.Keys.Waiters(id)}, token, s.channels())
	return err
}

// Retirement says how a session is to be retired.
type Retirement struct {
	Token  string // of the retiring commit
	Lease  string // the lease that must be held, "" if none need be
	After  string // the commit that must have been the last, "" for any
	Reason string // one word, kept for who handles the end; "" if the session goes on under another ID
	Always bool   // the ID is retired even if there is no such session, see [Unknown]
}

// Retire ends a session; its ID stays unusable for the time set in the store.
// Tried again with the same token it does nothing more. It also returns the extras that
// the session had.
func (s *Store) Retire(ctx context.Context, id string, r Retirement) (Status, Extras, error) {
	reply, err := retireScript.run(ctx, s, append(s.Keys.Request(id), s.Keys.Ended(id)),
		r.Token, r.Lease, ms(s.RetireTTL), s.channels(), r.After, r.Reason, time.Now().UnixMilli(), r.Always)
	list, done := reply.([]any)
	if err != nil || !done || len(list) != 2 {
		code, err := status(reply, err)
		return code, Extras{}, err
	}
	text, _ := list[1].(string)
	extras, err := parseExtras(text)
	return Done, extras, err
}

// Mark notes extras of a session, without being a use of it. With Retention, the
// end of a session that was not tracked is from now on.
func (s *Store) Mark(ctx context.Context, id string, e Extras) (Status, error) {
	return status(markScript.run(ctx, s, s.dataKeys(id), e.String()))
}

// channels tells the scripts on which channels processes are told of a lease.
func (s *Store) channels() string {
	if s.Sharded {
		return "sharded, or " + s.Keys.Channel("")
	}
	return s.Keys.Channel("")
}

func (s *Store) dataKeys(id string) []any {
	return []any{s.Keys.Data(id), s.Keys.Alive(id)}
}

// deadline is when a session must end at the latest, in unix ms, or 0.
func (s *Store) deadline(created time.Time) int64 {
	if s.Lifetime == 0 {
		return 0
	}
	return created.Add(s.Lifetime).UnixMilli()
}

func ms(d time.Duration) int64 { return d.Milliseconds() }

// status and loaded are the one place where the scripts' codes become Go.

func status(reply any, err error) (Status, error) {
	if err != nil {
		return 0, err
	}
	code, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("unexpected reply of type %T from a script", reply)
	}
	if Status(code) == unsupported {
		return 0, ErrFormat
	}
	return Status(code), nil
}

func loaded(reply any, err error) (Loaded, error) {
	if err != nil {
		return Loaded{}, err
	}
	list, ok := reply.([]any)
	if !ok {
		code, err := status(reply, nil)
		return Loaded{Status: code}, err
	}
	if len(list) != 2 {
		return Loaded{}, fmt.Errorf("unexpected reply of length %d from a script", len(list))
	}
	return found(fieldMap(list[1])) // only what was found has fields
}

// found is a session with these fields, of which it takes its own facts out.
func found(fields map[string]string) (Loaded, error) {
	meta, err := ParseMeta(fields[MetaField])
	delete(fields, MetaField)
	return Loaded{Status: Done, Meta: meta, Fields: fields}, err
}

// fieldMap is the hash that a script returned: fields and values in turn.
func fieldMap(reply any) map[string]string {
	list, _ := reply.([]any)
	fields := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		field, _ := list[i].(string)
		fields[field], _ = list[i+1].(string)
	}
	return fields
}
