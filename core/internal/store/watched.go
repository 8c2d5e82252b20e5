package store

import (
	"context"
	"time"
)

// Observed is what [Store.Observe] found of one session.
type Observed struct {
	Status Status // Done, Retired or Unknown
	Reason string // why it ended, with Retired; "" if not known

	// These are known with Done.
	Meta  Meta
	Left  time.Duration // until it expires, unless it is used
	Proof string
	MAC   string

	Err error // why it cannot be read, such as [ErrFormat], or how the call failed
}

// Observe looks at sessions, in one round trip to each server, and returns them in the order of handles.
// It does not start their idle time anew, and reads no values.
func (s *Store) Observe(ctx context.Context, handles []string) []Observed {
	calls := make([]call, len(handles))
	for i, handle := range handles {
		calls[i].keys = s.dataKeys(handle)
	}
	found := make([]Observed, len(handles))
	for i, r := range watchedScript.runAll(ctx, s, calls) {
		r, _ = watchedScript.runAlone(ctx, s, calls[i], r)
		found[i] = observed(r)
	}
	return found
}

func observed(r reply) (o Observed) {
	if r.err != nil {
		return Observed{Err: r.err}
	}
	var with []any
	if o.Status, with, o.Err = replied(r.value, map[Status]int{Retired: 2, Done: 5}); o.Err != nil {
		return o
	}
	switch o.Status {
	case Retired:
		meta, _ := with[0].(string)
		o.Reason, _ = retiredReason(meta)
	case Done:
		meta, _ := with[0].(string)
		o.Proof, _ = with[1].(string)
		o.MAC, _ = with[2].(string)
		left, _ := with[3].(int64)
		o.Left = time.Duration(left) * time.Millisecond
		o.Meta, o.Err = ParseMeta(meta)
	}
	return o
}
