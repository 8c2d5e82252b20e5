package gorillastore

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
)

// Whatever Redis has under a field, it is a value or an error; and a value comes back when it is stored again.
func FuzzDecode(f *testing.F) {
	for _, v := range []any{nil, true, 42, -1, "text", "\xff", 1.5, []byte{0, 255}, map[string]int{"a": 1}, []any{1, "a"}, int64(1) << 62} {
		if text, err := encode(v); err == nil {
			f.Add([]byte(text), "_key.x")
		}
	}
	for _, text := range []string{`["_gob",false,"AAAA"]`, `{"_gob":"AAAA"}`, `["_gob",false,`, `["_gob",false,null]`, `{"_gob":1}`, ``, `+1`, `1e400`} {
		f.Add([]byte(text), "space:_key.AAAA")
	}
	if field, err := fieldOf("", 42); err == nil {
		f.Add([]byte("1"), field)
	}
	f.Fuzz(func(t *testing.T, text []byte, field string) {
		if key, ours, err := keyOf("", field); err == nil && ours && key != nil {
			if _, err := fieldOf("", key); err == nil {
				_ = map[any]any{key: 1} // must not panic
			}
		}
		v, err := decode(json.RawMessage(text))
		if err != nil || !reflect.DeepEqual(v, v) { // that is NaN
			return
		}
		stored, err := encode(v)
		if err != nil {
			return // encoding/gob takes no nil within a list
		}
		if again, err := decode(stored); err != nil || !reflect.DeepEqual(again, v) && fmt.Sprint(again) != fmt.Sprint(v) { // gob makes an empty list nil
			t.Errorf("%q is %#v, and comes back as %#v (%v)", text, v, again, err)
		}
	})
}
