package values_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/berthgo/berth/core/internal/values"
)

// own decodes itself, and keeps its numbers as they are.
type own struct{ V any }

func (o *own) UnmarshalJSON(b []byte) error {
	o.V = json.Number(b)
	return nil
}

// Where the type is open, a number is a float64 as ever, unless that would round it.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	type record struct {
		Any   any
		Map   map[string]any
		List  []any
		Deep  map[string]record
		Own   own
		Fixed int64
	}
	for data, want := range map[string]any{
		`1`:                     float64(1),
		`1.5`:                   1.5,
		`1.50`:                  1.5,
		`1e3`:                   float64(1000),
		`100E-2`:                float64(1),
		`0.000`:                 float64(0),
		`1e400`:                 json.Number("1e400"),
		`-0.1`:                  -0.1,
		`9007199254740993`:      json.Number("9007199254740993"),
		`9223372036854775807`:   json.Number("9223372036854775807"),
		`0.1000000000000000055`: json.Number("0.1000000000000000055"),
		`"1"`:                   "1",
		`null`:                  nil,
		`[1, 9007199254740993]`: []any{float64(1), json.Number("9007199254740993")},
	} {
		var got any
		if err := values.UnmarshalJSON([]byte(data), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v (%v), want %#v", data, got, err, want)
		}
	}
	text := `{"Any":9007199254740993,"Map":{"a":{"b":[9007199254740993,2]}},"List":[1],"Deep":{"x":{"Any":9007199254740993,"Map":null,"List":null,"Deep":null,"Own":3,"Fixed":0}},"Own":5,"Fixed":9007199254740993}`
	var got record
	if err := values.UnmarshalJSON([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	big := json.Number("9007199254740993")
	if got.Any != big || got.List[0] != float64(1) || got.Deep["x"].Any != big || got.Own.V != json.Number("5") || got.Fixed != 9007199254740993 ||
		!reflect.DeepEqual(got.Map["a"], map[string]any{"b": []any{big, float64(2)}}) {
		t.Errorf("got %#v", got)
	}
	if err := values.UnmarshalJSON([]byte(`1 2`), new(any)); err == nil {
		t.Error("took two values")
	}
}

type base struct{ Data any }

// Where encoding/json decodes, or refuses, this does the same.
func TestUnmarshalJSONIsThatOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	type embeds struct {
		base
		Other any
	}
	var got embeds
	if err := values.UnmarshalJSON([]byte(`{"Data":1,"Other":1}`), &got); err != nil || got.Data != float64(1) || got.Other != float64(1) {
		t.Errorf("an embedded struct: %#v (%v)", got, err)
	}
	for _, data := range []string{"", "{", "1 2", "[1", `{"a":1}]`} {
		var v any
		err, want := values.UnmarshalJSON([]byte(data), &v), json.Unmarshal([]byte(data), new(any))
		if err == nil || err.Error() != want.Error() || v != nil {
			t.Errorf("%q: %v, want %v", data, err, want)
		}
	}
	if err := values.UnmarshalJSON([]byte(`1`), nil); err == nil {
		t.Error("took nil")
	}
}

// What was read and not changed is not written, whatever its numbers.
func TestBigNumbersAreNoChange(t *testing.T) {
	t.Parallel()
	r := newStored(&values.Coding{Codec: exactCodec{}})
	r.fields["m"] = `{"id":9007199254740993,"n":1}`
	vs := r.load()
	m := get[map[string]any](t, vs, "m")
	wrote(t, "read", r.commit(t, vs), "", "")
	m["n"] = 2
	wrote(t, "changed", r.commit(t, vs), "m", "")
	if got := r.fields["m"]; got != `{"id":9007199254740993,"n":2}` {
		t.Errorf("written as %s", got)
	}
}

type exactCodec struct{ jsonCodec }

func (exactCodec) Unmarshal(data []byte, v any) error { return values.UnmarshalJSON(data, v) }
