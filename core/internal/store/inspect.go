package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Inspected is what [Store.Inspect] found out about a session.
type Inspected struct {
	Handle string
	Status Status
	Meta   Meta
	Left   time.Duration // until it expires, unless it is used
	Idle   time.Duration // since it was last used
	Size   int           // bytes in fields and values
	Lease  string        // token of the holder, "" if there is none
	Alone  bool          // Lease is not known, as the slot moves
	Proof  string
	MAC    string
	Fields map[string]string // those that were asked for, and exist
	Err    error             // why it cannot be read, such as [ErrFormat]; then only the handle is known
}

// Inspect describes sessions, in the order of handles, and loads some of their fields. It does not start
// their idle time anew. A session that cannot be read is in the list, with its Err. Inspect returns the first other error.
func (s *Store) Inspect(ctx context.Context, handles []string, fields ...string) ([]Inspected, error) {
	return s.inspect(ctx, handles, fields, false)
}

// inspect is Inspect. With goesOn, a session that its server does not describe, as one in a slot that
// moves for ever, is in the list too, with its Err.
func (s *Store) inspect(ctx context.Context, handles, fields []string, goesOn bool) ([]Inspected, error) {
	if len(handles) == 0 {
		return nil, nil
	}
	calls := make([]call, len(handles))
	args := make([]any, len(fields))
	for i, field := range fields {
		args[i] = field
	}
	for i, handle := range handles {
		calls[i].args = args
		calls[i].keys = []any{s.Keys.Data(handle), s.Keys.Lock(handle), s.Keys.Alive(handle)}
	}
	var first error
	found := make([]Inspected, 0, len(handles))
	for i, r := range inspectScript.runAll(ctx, s, calls) {
		r, alone := inspectScript.runAlone(ctx, s, calls[i], r)
		one, err := inspected(r, fields)
		one.Alone = alone
		var answer redis.Error
		switch {
		case errors.Is(err, ErrFormat), goesOn && errors.As(err, &answer):
			one = Inspected{Err: err}
		case err != nil:
			if first == nil {
				first = err
			}
			continue
		}
		one.Handle = handles[i]
		found = append(found, one)
	}
	return found, first
}

func inspected(r reply, fields []string) (Inspected, error) {
	if r.err != nil {
		return Inspected{}, r.err
	}
	code, with, err := replied(r.value, map[Status]int{Done: 10})
	if err != nil || code != Done {
		return Inspected{Status: code}, err
	}
	text, _ := with[0].(string)
	meta, err := ParseMeta(text)
	if err != nil {
		return Inspected{}, err
	}
	left, _ := with[1].(int64)
	size, _ := with[2].(int64)
	rest, _ := with[3].(int64)
	lease, _ := with[4].(string)
	proof, _ := with[5].(string)
	mac, _ := with[6].(string)
	asked, _ := with[7].([]any)
	used, known := with[8].(int64)
	if len(asked) > len(fields) {
		return Inspected{}, odd(asked)
	}
	// The TTL tells since when the session is idle, unless the longest life has cut it. A mark of the last
	// use is there from then on, and old if the TTL was not cut since.
	idle := max(0, meta.Timeout+meta.Extras.Retention-time.Duration(rest)*time.Millisecond)
	if known && used >= 0 {
		idle = min(idle, time.Duration(used)*time.Millisecond)
	}
	var values map[string]string
	for i, value := range asked {
		if text, exists := value.(string); exists {
			if values == nil {
				values = make(map[string]string)
			}
			values[fields[i]] = text
		}
	}
	return Inspected{
		Status: Done,
		Meta:   meta,
		Left:   time.Duration(left) * time.Millisecond,
		Idle:   idle,
		Size:   int(size),
		Lease:  lease,
		Proof:  proof,
		MAC:    mac,
		Fields: values,
	}, nil
}
