package values

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// MarshalGob encodes v as a gob stream of its own, and nil as no bytes.
func MarshalGob(v any) ([]byte, error) {
	if isNil(v) {
		return nil, nil
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

// UnmarshalGob decodes a gob stream into v, and no bytes into its zero value.
func UnmarshalGob(data []byte, v any) error {
	if len(data) == 0 {
		reflect.ValueOf(v).Elem().SetZero()
		return nil
	}
	return gob.NewDecoder(bytes.NewReader(data)).Decode(v)
}

// MarshalRaw returns the bytes of a string, of a byte slice, or of a type made of them.
func MarshalRaw(v any) ([]byte, error) {
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

// UnmarshalRaw copies data into v, which points to one of those.
func UnmarshalRaw(data []byte, v any) error {
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

// OfTypes is what a codec said, in parentheses, if that is about types alone: else it may quote a value.
func OfTypes(err error) string {
	var unsupported *json.UnsupportedTypeError
	text := err.Error()
	if errors.As(err, &unsupported) || strings.HasPrefix(text, "gob: type ") || strings.HasPrefix(text, "gob NewTypeObject can't handle type: ") {
		return " (" + text + ")"
	}
	return ""
}
