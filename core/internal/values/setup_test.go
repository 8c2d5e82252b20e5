package values_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/values"
)

var codecs = map[string]values.Codec{"json": jsonCodec{}, "gob": gobCodec{}}

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

type gobCodec struct{}

func (gobCodec) Marshal(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func (gobCodec) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		reflect.ValueOf(v).Elem().SetZero()
		return nil
	}
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

const handle = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

// stored is one session in Redis, without Redis.
type stored struct {
	coding *values.Coding
	fields map[string]string
}

func newStored(coding *values.Coding) *stored {
	return &stored{coding: coding, fields: map[string]string{}}
}

func (s *stored) load() *values.Values {
	vs := s.coding.Load(handle, maps.Clone(s.fields))
	return &vs
}

// commit writes what a request has changed.
func (s *stored) commit(t testing.TB, vs *values.Values) values.Changes {
	t.Helper()
	c, err := vs.Changes()
	if err != nil {
		t.Fatal(err)
	}
	list := c.Sealed(s.coding, handle)
	for i := 0; i < len(list); i += 2 {
		switch v := list[i+1].(type) {
		case []byte:
			s.fields[list[i].(string)] = string(v)
		default:
			t.Fatalf("a %T is to be written", v)
		}
	}
	for _, key := range c.Deleted {
		delete(s.fields, key)
	}
	return c
}

// save commits these keys and values.
func (s *stored) save(t testing.TB, pairs ...any) values.Changes {
	t.Helper()
	vs := s.load()
	for i := 0; i < len(pairs); i += 2 {
		vs.Set(pairs[i].(string), pairs[i+1])
	}
	return s.commit(t, vs)
}

func wrote(t *testing.T, what string, c values.Changes, set, deleted string) {
	t.Helper()
	if got := strings.Join(c.Set, " "); got != set {
		t.Errorf("%s: writes %q, want %q", what, got, set)
	}
	if got := strings.Join(c.Deleted, " "); got != deleted {
		t.Errorf("%s: deletes %q, want %q", what, got, deleted)
	}
	if c.Empty() != (set == "" && deleted == "") {
		t.Errorf("%s: Empty is %t", what, c.Empty())
	}
}

func get[T any](t testing.TB, vs *values.Values, key string) T {
	t.Helper()
	v, err := values.Get[T](vs, key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return v
}

func size(fields map[string]string) (n int) {
	for key, v := range fields {
		n += len(key) + len(v)
	}
	return n
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
