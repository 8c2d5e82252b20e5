package values

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
)

// value is one value of a session: what Redis has, and what the handler made of it.
type value struct {
	stored bool   // Redis has it
	raw    string // what Redis has, as it is there

	deleted bool
	views   []view
	truth   []byte // the encoding of a changed view; nil: what Redis has is true
	seen    any    // the last decoded form of a type that nobody can change in place
}

// view is one form of a value that a handler holds: what it has set, or what it has got and may
// change in place. There is more than one only if a value was got as several types.
type view struct {
	v    any
	set  bool   // by Set: this is the value, whatever was there
	base []byte // what it was decoded from; nil with set
}

// content returns the encoding of what a value is now: what Redis has, unless a view was set or
// changed. Changed tells whether Redis must get it. The error says that a value cannot be encoded,
// or that two views were changed in different ways.
func (vs *Values) content(key string, v *value) (content []byte, changed bool, err error) {
	content, changed = v.truth, v.truth != nil
	found := false
	for _, view := range v.views {
		encoded, moved, err := vs.coding.moved(key, view)
		switch {
		case err != nil:
			return nil, false, err
		case !moved:
		case found && !bytes.Equal(content, encoded):
			return nil, false, fmt.Errorf("the value under %q was got as several types and changed as two of them; get it as one", key)
		default:
			content, changed, found = encoded, true, true
		}
	}
	if !v.stored {
		return content, changed, nil
	}
	stored, err := vs.coding.open(vs.handle, key, v.raw)
	switch {
	case err != nil && !changed:
		return nil, false, err // nobody has touched it
	case err != nil:
		return content, true, nil
	case !changed:
		return stored, false, nil
	}
	return content, !bytes.Equal(content, stored) && !vs.coding.permuted(content, stored, v.views), nil
}

// settle makes content the truth. From now on a view counts as changed only if it changes again.
func (v *value) settle(content []byte) {
	v.truth = content
	for i := range v.views {
		v.views[i].base, v.views[i].set = content, false
	}
}

// moved tells whether a view was set, or changed in place since it was decoded, and returns its
// encoding. A codec may encode the same value in several ways, such as a map in any order. So if
// the bytes differ, moved decodes the old ones again and compares the values.
func (c *Coding) moved(key string, view view) ([]byte, bool, error) {
	encoded, err := c.marshal(key, view.v)
	if err == nil && encoded == nil {
		encoded = []byte{}
	}
	if view.set {
		return encoded, true, err
	}
	if err == nil && bytes.Equal(encoded, view.base) {
		return nil, false, nil
	}
	if c.decodesTo(view.base, view.v) {
		return nil, false, nil
	}
	return encoded, true, err
}

// permuted tells whether two encodings differ only in the order of their parts: they consist of
// the same bytes, and the stored one decodes to the value of the other.
func (c *Coding) permuted(encoded, stored []byte, views []view) bool {
	if len(encoded) != len(stored) {
		return false
	}
	var count [256]int
	for i := range encoded {
		count[encoded[i]]++
		count[stored[i]]--
	}
	if count != [256]int{} {
		return false
	}
	return slices.ContainsFunc(views, func(view view) bool { return c.decodesTo(stored, view.v) })
}

// mutables caches the results of [mutable].
var mutables sync.Map // reflect.Type → bool

// mutable tells whether a handler can change a value of this type in place.
func mutable(t reflect.Type) bool {
	if known, ok := mutables.Load(t); ok {
		return known.(bool)
	}
	m := findMutable(t)
	mutables.Store(t, m)
	return m
}

func findMutable(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return findMutable(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if findMutable(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
