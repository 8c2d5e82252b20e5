package store

import (
	"context"
	"fmt"
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
	for i, r := range observeScript.runAll(ctx, s, calls) {
		r, _ = observeScript.runAlone(ctx, s, calls[i], r)
		found[i] = observed(r)
	}
	return found
}

func observed(r reply) (o Observed) {
	list, ok := r.value.([]any)
	switch {
	case r.err != nil:
		return Observed{Err: r.err}
	case !ok || len(list) == 0:
		return Observed{Err: fmt.Errorf("unexpected reply of type %T from a script", r.value)}
	}
	if o.Status, o.Err = status(list[0], nil); o.Err != nil {
		return o
	}
	switch o.Status {
	case Retired:
		meta, _ := list[1].(string)
		o.Reason, _ = retiredReason(meta)
	case Done:
		meta, _ := list[1].(string)
		o.Proof, _ = list[2].(string)
		o.MAC, _ = list[3].(string)
		left, _ := list[4].(int64)
		o.Left = time.Duration(left) * time.Millisecond
		o.Meta, o.Err = ParseMeta(meta)
	}
	return o
}
