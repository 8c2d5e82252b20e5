package session

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/berthgo/berth/core/internal/values"
)

// Codec turns values into bytes and back. An implementation must be safe for
// concurrent use, and must not keep data after Unmarshal returned.
type Codec interface {
	// Marshal encodes v, which may be nil, into bytes of its own.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into v, a non-nil pointer.
	Unmarshal(data []byte, v any) error
}

var (
	_ Codec = JSON{}
	_ Codec = Gob{}
	_ Codec = Raw{}
)

// JSON is the codec of encoding/json. redis-cli and programs in other languages can read it.
type JSON struct{}

// Marshal encodes v as JSON.
func (JSON) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

// Unmarshal decodes JSON into v. A number becomes a float64 where v leaves the type open, as in a
// map[string]any; but one that a float64 would round becomes a [json.Number].
func (JSON) Unmarshal(data []byte, v any) error { return values.UnmarshalJSON(data, v) }

// Gob is the codec of encoding/gob. It keeps Go types that JSON cannot express, such as maps with
// struct keys. It stores nil as no bytes.
type Gob struct{}

// Marshal encodes v as a gob stream of its own.
func (Gob) Marshal(v any) ([]byte, error) {
	if isNil(v) {
		return nil, nil
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

// Unmarshal decodes a gob stream into v.
func (Gob) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		reflect.ValueOf(v).Elem().SetZero()
		return nil
	}
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

// Raw stores strings, byte slices, and types made of them, as they are. It takes nothing else.
type Raw struct{}

// Marshal returns the bytes of v.
func (Raw) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return bytes.Clone(v), nil
	case string:
		return []byte(v), nil
	}
	switch rv := reflect.Indirect(reflect.ValueOf(v)); {
	case rv.Kind() == reflect.String:
		return []byte(rv.String()), nil
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		return bytes.Clone(rv.Bytes()), nil
	}
	return nil, fmt.Errorf("the raw codec takes strings and byte slices, not %T", v)
}

// Unmarshal copies data into v.
func (Raw) Unmarshal(data []byte, v any) error {
	rv := reflect.ValueOf(v).Elem()
	if rv.Kind() == reflect.Pointer {
		rv.Set(reflect.New(rv.Type().Elem()))
		rv = rv.Elem()
	}
	switch {
	case rv.Kind() == reflect.String:
		rv.SetString(string(data))
		return nil
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		rv.SetBytes(append([]byte{}, data...))
		return nil
	}
	return fmt.Errorf("the raw codec gives strings and byte slices, not %s", rv.Type())
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return rv.IsNil()
	}
	return false
}
