package session

import (
	"bytes"
	"fmt"
	"slices"
)

// delta is what a commit changes.
type delta struct {
	set     []string // keys, sorted
	encoded [][]byte // their values, before encryption
	deleted []string // keys, sorted
}

func (d delta) empty() bool { return len(d.set) == 0 && len(d.deleted) == 0 }

// sealed is the list of fields and values to write.
func (d delta) sealed(c codec) []any {
	list := make([]any, 0, 2*len(d.set))
	for i, key := range d.set {
		list = append(list, key, c.seal(key, d.encoded[i]))
	}
	return list
}

// fields is the list of fields to delete.
func (d delta) fields() []any {
	list := make([]any, len(d.deleted))
	for i, key := range d.deleted {
		list[i] = key
	}
	return list
}

func (d delta) equal(other delta) bool {
	return slices.Equal(d.set, other.set) && slices.Equal(d.deleted, other.deleted) &&
		slices.EqualFunc(d.encoded, other.encoded, bytes.Equal)
}

// has tells whether a key is set or deleted.
func (d delta) has(key string) bool {
	_, set := slices.BinarySearch(d.set, key)
	_, deleted := slices.BinarySearch(d.deleted, key)
	return set || deleted
}

// touched returns the keys of values that may have changed, and those that an earlier try
// has written, sorted.
func (s *Session) touched(written delta) []string {
	var keys []string
	for key, v := range s.values {
		if v.deleted || len(v.views) > 0 {
			keys = append(keys, key)
		}
	}
	keys = append(append(keys, written.set...), written.deleted...)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// delta compares the session with what Redis has. It changes no value, so that a commit
// that fails can be tried again. What an earlier try has written is part of it, whether or
// not the handler has taken that back since.
func (s *Session) delta(written delta) (delta, error) {
	var d delta
	c := s.codec()
	had := len(s.meta.Principal)
	for key, raw := range s.stored {
		had += len(key) + len(raw)
	}
	size := had + len(s.principal) - len(s.meta.Principal)
	for _, key := range s.touched(written) {
		v := s.value(key)
		if v == nil || v.deleted {
			if v != nil {
				size -= len(key) + len(v.raw)
			}
			d.deleted = append(d.deleted, key)
			continue
		}
		content, changed, err := c.content(key, v)
		if err != nil {
			return delta{}, err
		}
		if !changed && !written.has(key) {
			continue
		}
		if v.stored {
			size -= len(key) + len(v.raw)
		}
		size += len(key) + len(content) + s.m.sealer.overhead()
		d.set, d.encoded = append(d.set, key), append(d.encoded, content)
	}
	if size > s.m.options.MaxBytes && size > had {
		return delta{}, fmt.Errorf("%w (it would have %d bytes, MaxBytes is %d)", ErrTooLarge, size, s.m.options.MaxBytes)
	}
	return d, nil
}
