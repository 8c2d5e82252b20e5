package session

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// value is one value of a session: what Redis has, and what the handler made of it.
type value struct {
	stored bool   // Redis has it
	raw    string // what Redis has, as it is there

	deleted bool
	set     bool  // by Set, so that views[0] replaces what Redis has
	views   []any // decoded forms that a handler may have changed in place, newest last
	seen    any   // the last decoded form that nobody can change in place
}

// current is the newest decoded form.
func (v *value) current() any { return v.views[len(v.views)-1] }

// touched tells whether the value may differ from what Redis has.
func (v *value) touched() bool { return v.set || len(v.views) > 0 }

// codec encodes and decodes the values of one session.
type codec struct {
	Codec
	sealer *sealer // nil without encryption
	key    string  // of the session, that values are bound to
}

func (c codec) marshal(key string, v any) ([]byte, error) {
	b, err := c.Marshal(v)
	if err != nil {
		return nil, &ValueError{Op: "encode", Key: key, Type: typeName(v), Err: err}
	}
	return b, nil
}

// open turns what Redis has into what the codec made.
func (c codec) open(key, raw string) ([]byte, error) {
	if c.sealer == nil {
		return []byte(raw), nil
	}
	plain, err := c.sealer.open(c.key, key, []byte(raw))
	if err != nil {
		return nil, &ValueError{Op: "decrypt", Key: key, Err: err}
	}
	return plain, nil
}

// seal turns what the codec made into what Redis gets.
func (c codec) seal(key string, plain []byte) []byte {
	if c.sealer == nil {
		return plain
	}
	return c.sealer.seal(c.key, key, plain)
}

// decode decodes what Redis has into a new value that target points to.
func (c codec) decode(key, raw string, target any) error {
	plain, err := c.open(key, raw)
	if err != nil {
		return err
	}
	return c.unmarshal(key, plain, target)
}

func (c codec) unmarshal(key string, plain []byte, target any) error {
	if err := c.Unmarshal(plain, target); err != nil {
		if c.sealer == nil && len(plain) > 0 && plain[0] == sealedVersion {
			return &ValueError{Op: "decrypt", Key: key, Err: err}
		}
		return &ValueError{Op: "decode", Key: key, Type: reflect.TypeOf(target).Elem().String(), Err: err}
	}
	return nil
}

// changed returns the encoded form of v if Redis has to have it, or nil.
//
// A value that was read is encoded again and compared, since a handler may have
// changed it in place. Where the bytes differ, what Redis has is decoded once
// more: codecs may write the same value in several ways, such as a map in any
// order.
func (c codec) changed(key string, v *value) ([]byte, error) {
	if !v.touched() {
		return nil, nil
	}
	var stored []byte
	readable := false
	if v.stored {
		var err error
		stored, err = c.open(key, v.raw)
		readable = err == nil
	}
	var result []byte
	for _, view := range v.views {
		encoded, err := c.marshal(key, view)
		if err != nil {
			return nil, err
		}
		if encoded == nil {
			encoded = []byte{}
		}
		if readable && (bytes.Equal(encoded, stored) || c.same(stored, view)) {
			continue
		}
		if result != nil && !bytes.Equal(result, encoded) {
			return nil, fmt.Errorf("session: the value under %q was read as more than one type and changed as two; read it as one", key)
		}
		result = encoded
	}
	return result, nil
}

// same tells whether encoded is another encoding of v.
func (c codec) same(encoded []byte, v any) bool {
	if v == nil {
		return false
	}
	target := reflect.New(reflect.TypeOf(v))
	if c.Unmarshal(encoded, target.Interface()) != nil {
		return false
	}
	return reflect.DeepEqual(target.Elem().Interface(), v)
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}

// mutables remembers for every type that was read whether [mutable].
var mutables sync.Map // reflect.Type → bool

// mutable tells whether a holder of a value of this type can change what another
// holder sees, so that a value that was read may have to be written.
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
