package session

import (
	"encoding/json"

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
func (Gob) Marshal(v any) ([]byte, error) { return values.MarshalGob(v) }

// Unmarshal decodes a gob stream into v.
func (Gob) Unmarshal(data []byte, v any) error { return values.UnmarshalGob(data, v) }

// Raw stores strings, byte slices, and types made of them, as they are. It takes nothing else.
type Raw struct{}

// Marshal returns the bytes of v.
func (Raw) Marshal(v any) ([]byte, error) { return values.MarshalRaw(v) }

// Unmarshal copies data into v.
func (Raw) Unmarshal(data []byte, v any) error { return values.UnmarshalRaw(data, v) }
