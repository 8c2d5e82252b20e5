package gorillastore

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/berthgo/berth/core/session"
)

// fields are what Redis has of a session, as far as it belongs to one name and can be decoded.
type fields map[string]json.RawMessage

// load decodes the values of a session into values, and returns the texts that it has read. A value that
// cannot be decoded is in the error, and stays in Redis as it is.
func load(s *session.Session, space string, into map[any]any) (fields, error) {
	read := make(fields)
	var errs []error
	for _, field := range s.Keys() {
		key, ours, err := keyOf(space, field)
		if !ours {
			continue
		}
		var text json.RawMessage
		if err == nil {
			text, err = session.Get[json.RawMessage](s, field)
		}
		var v any
		if err == nil {
			v, err = decode(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("gorillastore: the value under %q cannot be decoded; is its type registered with gob.Register, under the name that it had?: %w", field, err))
			continue
		}
		read[field], into[key] = text, v
	}
	return read, errors.Join(errs...)
}

// changes are what a Save has to write.
type changes struct {
	set     fields
	deleted []string
}

// since returns how values differ from what was read.
func (read fields) since(space string, values map[any]any) (changes, error) {
	c := changes{set: make(fields)}
	gone := maps.Clone(read)
	for key, v := range values {
		field, err := fieldOf(space, key)
		if err != nil {
			return changes{}, err
		}
		delete(gone, field)
		stored, known := read[field]
		text, err := encode(v)
		switch {
		case known && (err == nil && string(stored) == string(text) || same(stored, v)):
		case err != nil:
			return changes{}, fmt.Errorf("gorillastore: the value under %q, a %T, cannot be encoded; register its type with gob.Register: %w", field, v, err)
		default:
			c.set[field] = text
		}
	}
	for field := range gone {
		c.deleted = append(c.deleted, field)
	}
	return c, nil
}

func (c changes) empty() bool { return len(c.set) == 0 && len(c.deleted) == 0 }

// apply changes a session of berth.
func (c changes) apply(s *session.Session) {
	for field, text := range c.set {
		s.Set(field, text)
	}
	for _, field := range c.deleted {
		s.Delete(field)
	}
}

// with returns what Redis has after these changes.
func (read fields) with(c changes) fields {
	after := maps.Clone(read)
	if after == nil {
		after = make(fields)
	}
	maps.Copy(after, c.set)
	for _, field := range c.deleted {
		delete(after, field)
	}
	return after
}
