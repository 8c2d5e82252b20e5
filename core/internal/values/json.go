package values

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// UnmarshalJSON is [json.Unmarshal], but keeps the digits of numbers where v leaves the type open, as
// in a map[string]any: a number that a float64 would round becomes a [json.Number].
func UnmarshalJSON(data []byte, v any) error {
	if target := reflect.ValueOf(v); target.Kind() != reflect.Pointer || target.IsNil() || !openType(target.Type()) || !json.Valid(data) {
		return json.Unmarshal(data, v)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	settleNumbers(reflect.ValueOf(v))
	return nil
}

// openTypes caches the results of openType.
var openTypes sync.Map // reflect.Type → bool

// openType tells whether a value of this type may hold an interface.
func openType(t reflect.Type) bool {
	if known, ok := openTypes.Load(t); ok {
		return known.(bool)
	}
	found := findOpen(t, map[reflect.Type]bool{})
	openTypes.Store(t, found)
	return found
}

func findOpen(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findOpen(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findOpen(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// settleNumbers replaces each number in an interface by a float64, unless that would round it.
func settleNumbers(v reflect.Value) {
	if v.Kind() != reflect.Interface && decodesItself(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			settleNumbers(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() && v.CanSet() {
			v.Set(reflect.ValueOf(settled(v.Interface())))
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			settleNumbers(v.Index(i))
		}
	case reflect.Map:
		if v.Type().Elem().Kind() != reflect.Interface {
			if openType(v.Type().Elem()) {
				settleMap(v)
			}
			return
		}
		for _, key := range v.MapKeys() {
			if held := v.MapIndex(key); !held.IsNil() {
				v.SetMapIndex(key, reflect.ValueOf(settled(held.Interface())))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				settleNumbers(v.Field(i))
			}
		}
	}
}

func decodesItself(t reflect.Type) bool {
	for _, decodes := range []reflect.Type{reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()} {
		if t.Implements(decodes) || reflect.PointerTo(t).Implements(decodes) {
			return true
		}
	}
	return false
}

// settleMap settles the elements of a map, which cannot be changed in place.
func settleMap(v reflect.Value) {
	for _, key := range v.MapKeys() {
		held := reflect.New(v.Type().Elem()).Elem()
		held.Set(v.MapIndex(key))
		settleNumbers(held)
		v.SetMapIndex(key, held)
	}
}

// settled returns what was decoded into an interface, with its numbers settled.
func settled(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && same(string(v), f) {
			return f
		}
	case []any:
		for i := range v {
			v[i] = settled(v[i])
		}
	case map[string]any:
		for key, held := range v {
			v[key] = settled(held)
		}
	}
	return v
}

// same tells whether a float64 has all digits of a number.
func same(number string, f float64) bool {
	digits, exponent := decimal(number)
	own, ownExponent := decimal(strconv.FormatFloat(f, 'e', -1, 64))
	return digits == own && (exponent == ownExponent || digits == "")
}

// decimal takes a JSON number apart: its digits without zeros at either end, and the power of ten of
// the last of them. The digits of zero are "".
func decimal(number string) (digits string, exponent int) {
	number = strings.TrimPrefix(number, "-") // a float64 keeps signs
	if at := strings.IndexAny(number, "eE"); at >= 0 {
		exponent, _ = strconv.Atoi(number[at+1:])
		number = number[:at]
	}
	whole, fraction, _ := strings.Cut(number, ".")
	exponent -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	return trimmed, exponent + len(digits) - len(trimmed)
}

// LosesAll tells whether JSON has nothing of v: v is a struct without exported fields, or points to one.
func LosesAll(v any) bool {
	rv := reflect.ValueOf(v)
	return (rv.Kind() != reflect.Pointer || !rv.IsNil()) && losesAll(reflect.TypeOf(v))
}

func losesAll(t reflect.Type) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	for _, encodes := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(encodes) || reflect.PointerTo(t).Implements(encodes) {
			return false
		}
	}
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case f.Anonymous && !losesAll(f.Type), f.IsExported() && !f.Anonymous, f.Name == "_":
			return false
		}
	}
	return true
}
