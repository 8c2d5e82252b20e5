package store

import (
	"context"
	"fmt"
	"time"
)

// Inspected is what [Store.Inspect] found of a session.
type Inspected struct {
	ID     string
	Status Status
	Meta   Meta
	Left   time.Duration // until it expires, unless it is used
	Idle   time.Duration // since it was last used
	Size   int           // bytes in fields and values
	Lease  string        // token of the holder, "" if there is none
}

// Inspect describes sessions, without being a use of them, in the order of ids.
// Sessions that cannot be read are left out, and the first error tells why.
func (s *Store) Inspect(ctx context.Context, ids []string) ([]Inspected, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	calls := make([]call, len(ids))
	for i, id := range ids {
		calls[i].keys = []any{s.Keys.Data(id), s.Keys.Lock(id), s.Keys.Alive(id)}
	}
	var first error
	found := make([]Inspected, 0, len(ids))
	for i, r := range inspectScript.runAll(ctx, s, calls) {
		one, err := inspected(r)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		one.ID = ids[i]
		found = append(found, one)
	}
	return found, first
}

func inspected(r reply) (Inspected, error) {
	if r.err != nil {
		return Inspected{}, r.err
	}
	list, ok := r.value.([]any)
	if !ok || len(list) == 0 {
		return Inspected{}, fmt.Errorf("unexpected reply of type %T from a script", r.value)
	}
	code, err := status(list[0], nil)
	if err != nil || code != Done {
		return Inspected{Status: code}, err
	}
	meta, err := ParseMeta(list[1].(string))
	if err != nil {
		return Inspected{}, err
	}
	left, rest := list[2].(int64), list[4].(int64)
	return Inspected{
		Status: Done,
		Meta:   meta,
		Left:   time.Duration(left) * time.Millisecond,
		Idle:   max(0, meta.Timeout+meta.Extras.Retention-time.Duration(rest)*time.Millisecond),
		Size:   int(list[3].(int64)),
		Lease:  list[5].(string),
	}, nil
}
