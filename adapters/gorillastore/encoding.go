package gorillastore

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A value is a JSON text in Redis. Strings, ints and bools are what JSON says, so that redis-cli and
// berth's own API can read them. Every other value is wrapped: an array around what encoding/gob makes of it,
// so that it comes back as the type that it was. Its elements are of different types, so JSON decodes it into no
// struct, map, string, or list of one type: berth's API returns an error, and no value that is wrong.

// wrapped is how the array begins. The gob follows, as a string in base64.
const wrapped = `["_gob",false,`

// envelope is what this store has wrapped values in before. JSON decodes it into any struct, as an empty one.
type envelope struct {
	Gob []byte `json:"_gob"`
}

// encode returns the text of a value.
func encode(v any) (json.RawMessage, error) {
	switch plain := v.(type) {
	case nil, bool, int:
		return json.Marshal(v)
	case string:
		if utf8.ValidString(plain) { // JSON would change another one
			return json.Marshal(v)
		}
	}
	content, err := toGob(v)
	if err != nil { // nobody has registered its type; it may be one that JSON keeps, such as map[string]any
		if text, other := json.Marshal(v); other == nil && same(text, v) {
			return text, nil
		}
		return nil, err
	}
	return json.Marshal([]any{"_gob", false, content})
}

// decode returns the value of a text. A text that berth's own API wrote gives what JSON says: float64,
// map[string]any and so on, and an int for a whole number.
func decode(text json.RawMessage) (any, error) {
	if n, err := strconv.Atoi(string(text)); err == nil {
		return n, nil
	}
	var content []byte
	if inner, ok := bytes.CutPrefix(text, []byte(wrapped)); ok && json.Unmarshal(bytes.TrimSuffix(inner, []byte("]")), &content) == nil {
		return fromGob(content)
	}
	var before envelope
	if bytes.HasPrefix(text, []byte(`{"_gob":`)) && json.Unmarshal(text, &before) == nil {
		return fromGob(before.Gob)
	}
	var v any
	err := json.Unmarshal(text, &v)
	return v, err
}

// same tells whether a value is what a text says. Two texts of one value may differ, since
// encoding/gob writes a map in any order.
func same(text json.RawMessage, v any) bool {
	stored, err := decode(text)
	return err == nil && reflect.DeepEqual(stored, v)
}

// toGob encodes a value together with the name of its type.
func toGob(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(&v) // a pointer, so that gob sees an interface
	return b.Bytes(), err
}

func fromGob(content []byte) (v any, err error) {
	err = gob.NewDecoder(bytes.NewReader(content)).Decode(&v) //nolint:gosec // gob makes only types that the application has registered
	return v, err
}

// encodedKey begins the field of a key that cannot name a field itself.
const encodedKey = "_key."

// fieldOf returns the field of a key in the session of a name, before which space stands.
func fieldOf(space string, key any) (string, error) {
	if s, ok := key.(string); ok && s != "" && !strings.HasPrefix(s, "_key.") && !strings.HasPrefix(s, "_berth") {
		return space + s, nil
	}
	// Of these, gob always makes the same bytes.
	switch kind := reflect.ValueOf(key).Kind(); {
	case kind >= reflect.Bool && kind <= reflect.Complex128 && kind != reflect.Uintptr, kind == reflect.String:
	default:
		return "", fmt.Errorf("gorillastore: a key of Values is a %T: use a string, or a type made of a string, a number or a bool", key)
	}
	content, err := toGob(key)
	if err != nil {
		return "", fmt.Errorf("gorillastore: a key of Values is a %T, which cannot be encoded (%w): register it with gob.Register, or use a string", key, err)
	}
	return space + encodedKey + base64.RawURLEncoding.EncodeToString(content), nil
}

// keyOf returns the key of a field, and false if the field belongs to another name.
func keyOf(space, field string) (key any, ours bool, err error) {
	rest, ours := strings.CutPrefix(field, space)
	if !ours {
		return nil, false, nil
	}
	text, encoded := strings.CutPrefix(rest, encodedKey)
	if !encoded {
		return rest, true, nil
	}
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, true, err
	}
	key, err = fromGob(content)
	if err == nil && !reflect.ValueOf(key).Comparable() {
		err = fmt.Errorf("a %T cannot be a key", key)
	}
	return key, true, err
}
