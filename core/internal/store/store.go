package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Status is what a script found or did.
type Status int

// The codes of lua/lib.lua.
const (
	Done        Status = 1 // done, loaded, written
	Busy        Status = 2 // another token holds the lease
	Unknown     Status = 3 // there is no such session, or no longer
	Retired     Status = 4 // ended a short time ago
	unsupported Status = 5 // becomes ErrFormat
	Lost        Status = 6 // the token does not hold the lease
	Rotated     Status = 7 // the proof was rotated away
	Alive       Status = 8 // the session has not ended
	incomplete  Status = 0 // the short form is not enough
)

// Store runs the operations on the sessions of one application. It is safe for concurrent use.
//
// A proof shows that a caller has the session's secret. Callers that need no secret, such as a job,
// pass "". What a client sends must never decide that the proof is "".
type Store struct {
	Client   redis.UniversalClient
	Keys     Keys
	LockTTL  time.Duration
	Lifetime time.Duration // longest life of a session, 0 for none
	Tracked  bool          // the ends of sessions are tracked
	Sharded  bool          // messages go by sharded pub/sub if the server has it
	Batches  *Batches      // nil to send each call alone
}

func (s *Store) do(ctx context.Context, cmds ...redis.Cmder) {
	if s.Batches != nil {
		s.Batches.do(ctx, s.Client, cmds...)
		return
	}
	send(ctx, s.Client, cmds)
}

// short tells whether the short forms of the scripts are enough for most sessions.
func (s *Store) short() bool { return !s.Sharded && !s.Tracked && s.Lifetime == 0 }

// Renew prolongs the lease to LockTTL. Meanwhile the session does not expire.
func (s *Store) Renew(ctx context.Context, handle, lease string) (Status, error) {
	return status(renewScript.run(ctx, s, []any{s.Keys.Data(handle), s.Keys.Lock(handle), s.Keys.Alive(handle)}, lease, ms(s.LockTTL), ms(s.Lifetime)))
}

// Release gives up the lease, or the place in its queue, without writing.
func (s *Store) Release(ctx context.Context, handle, token string) error {
	_, err := releaseScript.run(ctx, s, []any{s.Keys.Lock(handle), s.Keys.Waiters(handle)}, token, s.channels())
	return err
}

// Mark notes extras of a session. It does not start the idle time anew. With Retention, berth
// tracks the end of the session from now on.
func (s *Store) Mark(ctx context.Context, handle string, e Extras) (Status, error) {
	return status(markScript.run(ctx, s, s.dataKeys(handle), e.String()))
}

// channels tells the scripts on which channels to tell a process of its lease.
func (s *Store) channels() string {
	if s.Sharded {
		return "sharded, or " + s.Keys.Channel("")
	}
	return s.Keys.Channel("")
}

// whole adds the keys for the whole form of a script to those of [Keys.Request].
func (s *Store) whole(handle string, keys []any) []any {
	return append(keys[:len(keys):len(keys)], s.Keys.Alive(handle), s.Keys.Rotated(handle))
}

func (s *Store) dataKeys(handle string) []any {
	return []any{s.Keys.Data(handle), s.Keys.Alive(handle)}
}

// deadline is when a session must end at the latest, in unix ms, or 0.
func (s *Store) deadline(m Meta) int64 {
	if s.Lifetime == 0 {
		return 0
	}
	return m.Born().Add(s.Lifetime).UnixMilli()
}

func ms(d time.Duration) int64 { return d.Milliseconds() }

// status turns the code of a script into Go.
func status(reply any, err error) (Status, error) { return complete(perhaps(reply, err)) }

// perhaps is status for a form of a script that may not be enough: then it is incomplete.
func perhaps(reply any, err error) (Status, error) {
	if err != nil {
		return 0, err
	}
	code, ok := reply.(int64)
	switch {
	case !ok:
		return 0, odd(reply)
	case Status(code) == unsupported:
		return 0, ErrFormat
	case code < int64(incomplete) || code > int64(Alive):
		return 0, oddCode(code)
	}
	return Status(code), nil
}

// complete returns an error for what only a form of a script may say that is not enough.
func complete(code Status, err error) (Status, error) {
	if err == nil && code == incomplete {
		return 0, oddCode(int64(code))
	}
	return code, err
}

// replied takes a list that a script returned: a status, and what comes with it. What a script of this
// version returns has at least the length that least has for its status, 1 if it has none.
func replied(reply any, least map[Status]int) (Status, []any, error) {
	list, ok := reply.([]any)
	if !ok || len(list) == 0 {
		return 0, nil, odd(reply)
	}
	code, err := status(list[0], nil)
	if err != nil {
		return 0, nil, err
	}
	if len(list) < least[code] {
		return 0, nil, odd(reply)
	}
	return code, list[1:], nil
}

func oddCode(code int64) error { return fmt.Errorf("unexpected code %d from a script", code) }

// odd is the error for a reply that no script of this version returns.
func odd(reply any) error {
	if list, ok := reply.([]any); ok {
		return fmt.Errorf("unexpected reply of length %d from a script", len(list))
	}
	return fmt.Errorf("unexpected reply of type %T from a script", reply)
}
