package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// oneWay can be decoded, but not encoded.
type oneWay struct{ A int }

func (oneWay) MarshalJSON() ([]byte, error) { return nil, errors.New("one way only") }

// A value that was only read cannot fail the commit of others.
func TestReadOfAOneWayType(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "v", map[string]int{"A": 1})
		s := begin(t, m, id, session.Exclusive)
		get[*oneWay](t, s, "v")
		s.Set("n", 1)
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		p := get[*oneWay](t, s, "v")
		p.A = 2
		if err := s.Commit(context.Background()); err == nil {
			t.Error("a change that cannot be written was lost in silence")
		}
		s.Rollback(context.Background())
	})
}

type order struct{ Items []string }

func TestNilAndEmptyValues(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{Codec: codec})
				var none *order
				id := saved(t, m, "nil", nil, "pointer", none, "bytes", []byte{}, "string", "", "KEY", 1, "key", 2)
				s := view(t, m, id)
				for _, key := range []string{"nil", "pointer", "bytes", "string", "KEY", "key"} {
					if !s.Has(key) {
						t.Errorf("%s is absent", key)
					}
				}
				if get[*order](t, s, "nil") != nil || get[*order](t, s, "pointer") != nil || get[string](t, s, "string") != "" {
					t.Error("nil or empty came back as something")
				}
				if name == "json" {
					if b := get[[]byte](t, s, "bytes"); b == nil || len(b) != 0 {
						t.Errorf("empty bytes came back as %#v", b)
					}
				}
				if get[int](t, s, "KEY") != 1 || get[int](t, s, "key") != 2 {
					t.Error("the case of keys was lost")
				}
				s = begin(t, m, id, session.Exclusive)
				s.Set("nil", nil)
				if get[any](t, s, "nil") != nil || get[int](t, s, "nil") != 0 {
					t.Error("a nil just set is not nil")
				}
				commit(t, s)
			})
		})
	}
}

func TestRawCodec(t *testing.T) {
	type name string
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Codec: session.Raw{}})
		id := saved(t, m, "s", "plain", "b", []byte{0, 255}, "n", name("ann"), "j", json.RawMessage("{}"), "e", []byte{})
		if got := r.HGet(id, "s"); got != "plain" {
			t.Errorf("stored as %q", got)
		}
		s := begin(t, m, id, session.Exclusive)
		if get[string](t, s, "s") != "plain" || !bytes.Equal(get[[]byte](t, s, "b"), []byte{0, 255}) || get[name](t, s, "n") != "ann" ||
			string(get[json.RawMessage](t, s, "j")) != "{}" || *get[*string](t, s, "s") != "plain" || get[[]byte](t, s, "e") == nil {
			t.Error("came back otherwise")
		}
		get[[]byte](t, s, "b")[0] = 7
		commit(t, s)
		if got := r.HGet(id, "b"); got != "\x07\xff" {
			t.Errorf("changed in place, stored as %q", got)
		}
		s = begin(t, m, id, session.Exclusive)
		if _, err := session.Get[int](s, "s"); err == nil {
			t.Error("read a string as an int")
		}
		s.Set("i", 5)
		if err := s.Commit(context.Background()); err == nil {
			t.Error("stored an int")
		}
		s.Rollback(context.Background())
	})
}

// upper is a codec as a user writes one.
type upper struct{}

func (upper) Marshal(v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("only strings, not %T", v)
	}
	return []byte(strings.ToUpper(s)), nil
}

func (upper) Unmarshal(data []byte, v any) error {
	*v.(*string) = strings.ToLower(string(data))
	return nil
}

func TestCodecOfOnesOwn(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Codec: upper{}})
		id := saved(t, m, "s", "tea")
		if r.HGet(id, "s") != "TEA" || get[string](t, view(t, m, id), "s") != "tea" {
			t.Error("the codec was not used")
		}
	})
}

func TestUnencodableValueInNewSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.Set("good", 1)
		s.Set("bad", make(chan int))
		err := s.Commit(context.Background())
		if err == nil || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), "chan int") {
			t.Errorf("the error does not say which: %v", err)
		}
		if len(r.Keys()) != 0 {
			t.Error("half a session was saved")
		}
	})
}

func TestUndecodableValueHarmsNobody(t *testing.T) {
	for name, keys := range map[string][]session.EncryptionKey{"plain": nil, "encrypted": {bytes.Repeat([]byte{1}, 32)}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				var c changes
				m := r.Manager(session.Options{Hooks: c.hooks(), EncryptionKeys: keys})
				id := saved(t, m, "good", 1, "bad", "a text", "old", []int{1})
				if err := r.Client.HSet(context.Background(), r.Key(id, "Data"), "broken", "{").Err(); err != nil {
					t.Fatal(err)
				}
				was := r.HGet(id, "bad")
				s := begin(t, m, id, session.Exclusive)
				var value *session.ValueError
				if _, err := session.Get[int](s, "bad"); !errors.As(err, &value) || value.Key != "bad" || !strings.Contains(err.Error(), "int") {
					t.Errorf("the error does not say which: %v", err)
				} else if strings.Contains(err.Error(), "a text") {
					t.Errorf("the error tells the value: %v", err)
				}
				if _, err := session.Get[*order](s, "broken"); err == nil {
					t.Error("read what is broken")
				}
				if !s.Has("bad") || get[int](t, s, "good") != 1 || get[string](t, s, "bad") != "a text" {
					t.Error("the others cannot be read")
				}
				s.Set("good", 2)
				commit(t, s)
				c = changes{}
				if r.HGet(id, "bad") != was || r.HGet(id, "broken") != "{" {
					t.Error("what cannot be decoded did not stay as it was")
				}
				s = begin(t, m, id, session.Exclusive)
				s.Rotate()
				commit(t, s)
				if r.HGet(s.ID(), "broken") != "{" || get[string](t, view(t, m, s.ID()), "bad") != "a text" {
					t.Error("a rotation lost what cannot be decoded")
				}
				s = begin(t, m, s.ID(), session.Exclusive)
				s.Set("broken", 1)
				commit(t, s)
				c.want(t, "overwrite", "broken", "")
			})
		})
	}
}

// What a commit that failed has tried to write must not change under it.
func TestRawBytesAreItsOwn(t *testing.T) {
	t.Parallel()
	type text []byte
	plain, named := []byte("mine"), text("mine")
	for _, v := range []any{plain, named, &named} {
		encoded, err := session.Raw{}.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		plain[0], named[0] = 'f', 'f'
		if string(encoded) != "mine" {
			t.Errorf("%T: %q", v, encoded)
		}
		plain[0], named[0] = 'm', 'm'
	}
}
