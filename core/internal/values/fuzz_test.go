package values_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/values"
)

// numbers replaces each number by a float64.
func numbers(t *testing.T, v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return string(v) // too large for a float64
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(t, v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(t, v[key])
		}
	}
	return v
}

// Whatever is stored, a value is what package json says, but for the digits of numbers; and what was decoded
// is encoded and decoded again without a change.
func FuzzUnmarshalJSON(f *testing.F) {
	for _, s := range []string{
		`null`, `1e400`, `-0`, `-0.0e-5`, `9007199254740993`, `1e-99999999999999999999`, `[1,{"a":[0.1,1.50]}]`, `"a"`, `{"a":`, "", "\x01abcd",
		`0.1000000000000000055`, `100000000000000000000000`, `1E+2`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		var got any
		err := values.UnmarshalJSON([]byte(data), &got)
		decoder := json.NewDecoder(strings.NewReader(data))
		decoder.UseNumber()
		var want any
		if json.Valid([]byte(data)) != (err == nil) {
			t.Fatalf("%q: the error is %v", data, err)
		}
		if err != nil {
			return
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		var again any
		if err := values.UnmarshalJSON(text, &again); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%q is %#v, and encoded and decoded again %#v (%v)", data, got, again, err)
		}
		if err := decoder.Decode(&want); err != nil || !reflect.DeepEqual(numbers(t, got), numbers(t, want)) {
			t.Errorf("%q is %#v, want %#v (%v)", data, got, want, err)
		}
		for _, target := range []any{new(map[string]any), new([]any), new(struct{ A, B any }), new(map[string]struct{ A []any }), new(*[2]any), new(int), new(string)} {
			same := reflect.New(reflect.TypeOf(target).Elem()).Interface()
			own, plain := values.UnmarshalJSON([]byte(data), target), json.Unmarshal([]byte(data), same)
			if (own == nil) != (plain == nil) && !strings.Contains(plain.Error(), "cannot unmarshal number") {
				t.Errorf("%q into a %T: %v, and package json says %v", data, target, own, plain)
			}
		}
	})
}

// Only what was sealed for a session, and for that key of it, can be opened, and is what it was.
func FuzzSeal(f *testing.F) {
	f.Add("cart", []byte(`{"a":1}`), 0, byte(1))
	f.Add("", []byte(nil), 3, byte(128))
	f.Add("cart", []byte("x"), -1, byte(0))
	f.Fuzz(func(t *testing.T, key string, plain []byte, at int, flip byte) {
		coding := &values.Coding{Codec: rawCodec{}, Sealer: sealer(t, "shop", 1)}
		s := newStored(coding)
		s.save(t, key, string(plain))
		sealed := s.fields[key]
		if got, err := values.Get[string](s.load(), key); err != nil || got != string(plain) {
			t.Fatalf("%q came back as %q (%v)", plain, got, err)
		}
		opens := func(s *stored, key string) bool {
			_, err := values.Get[string](s.load(), key)
			return err == nil
		}
		changed := []byte(sealed)
		if changed[uint(at)%uint(len(changed))] ^= flip; flip != 0 {
			if opens(&stored{coding, map[string]string{key: string(changed)}}, key) {
				t.Error("a changed value was opened")
			}
		}
		if opens(&stored{coding, map[string]string{key: string(plain)}}, key) || opens(&stored{coding, map[string]string{key: sealed[:len(sealed)-1]}}, key) {
			t.Error("what was not sealed was opened")
		}
		if opens(&stored{coding, map[string]string{key + "x": sealed}}, key+"x") {
			t.Error("a value was opened under another key")
		}
		for _, other := range []*values.Sealer{sealer(t, "other", 1), sealer(t, "shop", 2)} {
			if opens(&stored{&values.Coding{Codec: rawCodec{}, Sealer: other}, map[string]string{key: sealed}}, key) {
				t.Error("another application, or another key, opened a value")
			}
		}
	})
}

type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return []byte(v.(string)), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*string) = string(data)
	return nil
}
