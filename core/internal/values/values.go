package values

import (
	"errors"
	"reflect"
	"slices"
)

// ErrNone says that there is no value under a key.
var ErrNone = errors.New("no value under that key")

// Values are the values of one session. Make them with [Coding.Load].
type Values struct {
	coding  *Coding
	handle  string
	stored  map[string]string // what Redis has
	held    map[string]*value // what the handler has got or changed
	dropped []string          // the keys of what [Values.Drop] took out of stored
	before  map[string]string // stored before the first Drop
}

// Load returns the values of a session, of which Redis has these. A new session has none, and
// needs no handle yet.
func (c *Coding) Load(handle string, stored map[string]string) Values {
	return Values{coding: c, handle: handle, stored: stored}
}

// Get returns the value under key as a T. The error is [ErrNone] or an [*Error].
//
// Of a T that can be changed in place, the same value is returned each time, and
// [Values.Changes] looks at it.
func Get[T any](vs *Values, key string) (T, error) {
	var zero T
	v := vs.find(key)
	if v == nil || v.deleted {
		return zero, ErrNone
	}
	for _, view := range v.views {
		if t, ok := view.v.(T); ok {
			return t, nil
		}
	}
	if t, ok := v.seen.(T); ok && len(v.views) == 0 {
		return t, nil
	}
	// The handler may hold it as another type. Then it is what that has become.
	content, changed, err := vs.content(key, v)
	if err != nil {
		return zero, err
	}
	var t T
	if err := vs.coding.unmarshal(key, content, &t); err != nil {
		return zero, err
	}
	if !mutable(reflect.TypeFor[T]()) {
		v.seen = t
		return t, nil
	}
	if changed {
		v.settle(content)
	}
	v.views = append(v.views, view{v: t, base: content})
	return t, nil
}

// Set puts a value under key.
func (vs *Values) Set(key string, to any) {
	v := vs.find(key)
	if v == nil {
		v = vs.hold(key, value{})
	}
	v.deleted, v.views, v.truth, v.seen = false, []view{{v: to, set: true}}, nil, nil
}

// Delete removes the value under key, if there is one.
func (vs *Values) Delete(key string) {
	v := vs.find(key)
	switch {
	case v == nil:
	case v.stored:
		v.deleted, v.views, v.truth, v.seen = true, nil, nil, nil
	default:
		delete(vs.held, key)
	}
}

// Drop forgets all values at once. What Redis has is reported as deleted, unless it is set
// again.
func (vs *Values) Drop() {
	if vs.before == nil {
		vs.before = vs.stored
	}
	for key := range vs.stored {
		vs.dropped = append(vs.dropped, key)
	}
	vs.stored, vs.held = nil, nil
}

// Undo takes all changes back. What the handler has got is not theirs any more.
func (vs *Values) Undo() {
	if vs.before != nil {
		vs.stored = vs.before
	}
	vs.held, vs.dropped, vs.before = nil, nil, nil
}

// Has tells whether there is a value under key, be it nil.
func (vs *Values) Has(key string) bool {
	if v := vs.held[key]; v != nil {
		return !v.deleted
	}
	_, stored := vs.stored[key]
	return stored
}

// Keys returns the keys of all values, sorted.
func (vs *Values) Keys() []string {
	keys := make([]string, 0, len(vs.stored)+len(vs.held))
	for key, v := range vs.held {
		if !v.deleted {
			keys = append(keys, key)
		}
	}
	for key := range vs.stored {
		if vs.held[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Len returns the number of values.
func (vs *Values) Len() int {
	n := len(vs.stored)
	for _, v := range vs.held {
		switch {
		case v.deleted:
			n-- // only what Redis has can be deleted
		case !v.stored:
			n++
		}
	}
	return n
}

// Stored returns how many values Redis has.
func (vs *Values) Stored() int { return len(vs.stored) }

// Used tells whether a handler has got or changed any value.
func (vs *Values) Used() bool { return len(vs.held) > 0 }

// find returns what is known of the value under key, nil if there never was one.
func (vs *Values) find(key string) *value {
	v := vs.held[key]
	if v == nil {
		if raw, stored := vs.stored[key]; stored {
			v = vs.hold(key, value{stored: true, raw: raw})
		}
	}
	return v
}

func (vs *Values) hold(key string, v value) *value {
	if vs.held == nil {
		vs.held = make(map[string]*value)
	}
	vs.held[key] = &v
	return &v
}
