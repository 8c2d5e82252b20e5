package values

import (
	"fmt"
	"reflect"
)

// Codec turns values into bytes and back.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// Coding is how values become what Redis has. It is safe for concurrent use.
type Coding struct {
	Codec  Codec
	Sealer *Sealer // nil without encryption
}

// Error says which value could not be encoded or decoded.
type Error struct {
	Op   string // encode, decode or decrypt
	Key  string
	Type string // the Go type
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %q: %v", e.Op, e.Key, e.Err) }

// Unwrap returns what the codec or the cipher said.
func (e *Error) Unwrap() error { return e.Err }

func (c *Coding) marshal(key string, v any) ([]byte, error) {
	b, err := c.Codec.Marshal(v)
	if err != nil {
		return nil, &Error{Op: "encode", Key: key, Type: typeName(v), Err: err}
	}
	return b, nil
}

func (c *Coding) unmarshal(key string, plain []byte, target any) error {
	if err := c.Codec.Unmarshal(plain, target); err != nil {
		if c.Sealer == nil && len(plain) > 0 && plain[0] == sealedVersion {
			return &Error{Op: "decrypt", Key: key, Err: err}
		}
		return &Error{Op: "decode", Key: key, Type: reflect.TypeOf(target).Elem().String(), Err: err}
	}
	return nil
}

// open turns what Redis has into what the codec made.
func (c *Coding) open(handle, key, raw string) ([]byte, error) {
	if c.Sealer == nil {
		return []byte(raw), nil
	}
	plain, err := c.Sealer.open(handle, key, []byte(raw))
	if err != nil {
		return nil, &Error{Op: "decrypt", Key: key, Err: err}
	}
	return plain, nil
}

// seal turns what the codec made into what Redis gets.
func (c *Coding) seal(handle, key string, plain []byte) []byte {
	if c.Sealer == nil {
		return plain
	}
	return c.Sealer.seal(handle, key, plain)
}

// decodesTo tells whether encoded decodes to v.
func (c *Coding) decodesTo(encoded []byte, v any) bool {
	if v == nil {
		return false
	}
	target := reflect.New(reflect.TypeOf(v))
	if c.Codec.Unmarshal(encoded, target.Interface()) != nil {
		return false
	}
	return reflect.DeepEqual(target.Elem().Interface(), v)
}

func typeName(v any) string {
	if v == nil {
		return "nil"
	}
	return reflect.TypeOf(v).String()
}
