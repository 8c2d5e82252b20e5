package session

import (
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

// touched returns the keys of values that may have changed, sorted.
func (s *Session) touched() []string {
	var keys []string
	for key, v := range s.values {
		if v.deleted || len(v.views) > 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// delta compares the session with what Redis has. It changes no value.
func (s *Session) delta() (delta, error) {
	var d delta
	c := s.codec()
	had := len(s.meta.Principal)
	for key, raw := range s.stored {
		had += len(key) + len(raw)
	}
	size := had + len(s.principal) - len(s.meta.Principal)
	for _, key := range s.touched() {
		v := s.values[key]
		if v.deleted {
			size -= len(key) + len(v.raw)
			d.deleted = append(d.deleted, key)
			continue
		}
		content, changed, err := c.content(key, v)
		if err != nil {
			return delta{}, err
		}
		if !changed {
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
