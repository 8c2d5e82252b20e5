package session_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// Whatever Redis has, a codec returns an error or a value, and that value comes back when it is stored again.
func FuzzCodecs(f *testing.F) {
	type cart struct {
		Items []string
		Count int
		Next  *cart
	}
	codecs := []session.Codec{session.JSON{}, session.Gob{}, session.Raw{}}
	for i, codec := range codecs {
		for _, v := range []any{"text", []byte{0, 1, 255}, 42, 1.5, map[string]int{"a": 1}, cart{[]string{"x"}, 1, &cart{Count: 2}}, nil} {
			if data, err := codec.Marshal(v); err == nil {
				f.Add(uint8(i), data)
			}
		}
		f.Add(uint8(i), []byte(nil))
		f.Add(uint8(i), []byte(`{"Items":null,"Next":{"Next":{}}}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		codec := codecs[int(which)%len(codecs)]
		for _, target := range []any{new(string), new([]byte), new(int), new(map[string]int), new(cart), new(*cart), new([]cart), new(any)} {
			if err := codec.Unmarshal(data, target); err != nil {
				continue
			}
			got := reflect.ValueOf(target).Elem()
			stored, err := codec.Marshal(got.Interface())
			if err != nil {
				continue // gob takes no nil within a list, and Raw few types
			}
			again := reflect.New(got.Type())
			if err := codec.Unmarshal(stored, again.Interface()); err != nil {
				t.Errorf("%T: %q is %#v, and then %q, which is an error: %v", codec, data, got, stored, err)
			} else if once, err := codec.Marshal(again.Elem().Interface()); err == nil && len(once) != len(stored) {
				t.Errorf("%T: %q is stored as %q, and then as %q", codec, data, stored, once)
			}
		}
	})
}

// No error about a text of an environment tells that text, if it is a key.
func FuzzEncryptionKey(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	f.Add("TELLNOBODY!")
	f.Add(" dGVzdA== \n")
	f.Fuzz(func(t *testing.T, text string) {
		var key session.EncryptionKey
		err := key.UnmarshalText([]byte(text))
		if word := strings.TrimSpace(text); err != nil && len(word) > 12 && strings.Contains(err.Error(), word) {
			t.Errorf("the error tells %q: %v", text, err)
		}
	})
}
