package gorillastore_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// What a handler puts into Values comes back as it was, types and all.
func TestValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	for codec, o := range map[string]session.Options{
		"JSON": {}, "Gob": {Codec: session.Gob{}}, "Raw": {Codec: session.Raw{}},
		"encrypted": {EncryptionKeys: []session.EncryptionKey{[]byte(strings.Repeat("k", 32))}},
	} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, o).browser()
			want := map[any]any{
				"string": "ann <ann@example.com>", "empty": "", "bytes in a string": "\x1f\x8b\xff", "": "no key",
				"int": 42, "negative": -1, "bool": true, "int64": int64(1) << 62, "float": 3.0, "nil": nil,
				"bytes": []byte{0, 255}, "named": kind(3), "struct": flashMessage{1, "x"},
				"list": []any{1, "a", flashMessage{2, "y"}}, "map": map[string]int{"a": 1, "b": 2, "c": 3},
				42: 43, kind(1): "a key of a type", true: false, 1.5: "half", int64(42): "another 42", "42": "a string",
				"_berth": "not berth's own", "_key.x": "no encoded key", "a:b": "colon", "ключ": "значение",
				`json`: `{"_gob":"AAAA"}`, `json array`: `["_gob",false,"AAAA"]`,
			}
			b.visit(func(s *sessions.Session) { s.Values = want })
			if got := b.see(name); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %#v\nwant %#v", got, want)
			}
			// Nothing of this is a change, in whatever order gob writes a map.
			if fields := b.fields(); len(fields) != len(want) {
				t.Errorf("Redis has %d values, want %d", len(fields), len(want))
			}
			for range 5 {
				before := b.fields()
				b.visit(func(s *sessions.Session) {})
				if after := b.fields(); !reflect.DeepEqual(before, after) {
					t.Fatalf("a Save without a change has written:\n%v\n%v", before, after)
				}
			}
		})
	}
}

// What cannot be stored is an error that says what to do, and nothing is saved.
func TestValuesThatCannotBeStored(t *testing.T) {
	t.Parallel()
	type unknown struct{ A int }
	s := newSite(t, session.Options{})
	for want, values := range map[string]map[any]any{
		"gob.Register": {"k": unknown{1}},
		"function":     {"k": []any{func() {}}},
		"time.Time":    {"k": time.Now()},
		"use a string": {struct{ A int }{1}: 1},
		"[2]int":       {[2]int{}: 1},
	} {
		b := s.browser()
		r := b.request()
		is := r.get(name)
		is.Values = values
		is.Values["other"] = 1
		if err := is.Save(r.r, r.w); err == nil || !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), "gob") {
			t.Errorf("%s: the error is %v", want, err)
		}
		if set := r.end(); len(set) != 0 {
			t.Errorf("%s: a cookie is set", want)
		}
	}
}

// Values of simple types can be read in Redis, and by berth's own API.
func TestSimpleValuesAreReadable(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{Cookie: session.Cookie{Name: name}}).browser()
	b.visit(func(s *sessions.Session) { s.Values["user"], s.Values["n"], s.Values["ok"] = "ann", 7, true })
	want := map[string]string{"user": `"ann"`, "n": "7", "ok": "true"}
	if got := b.fields(); !reflect.DeepEqual(got, want) {
		t.Errorf("Redis has %v", got)
	}
	type cart struct{ Items []string }
	err := b.Manager.Do(t.Context(), b.cookies[name], session.Exclusive, func(s *session.Session) error {
		if n, err := session.Get[int](s, "n"); n != 7 || err != nil {
			t.Errorf("n is %d (%v)", n, err)
		}
		s.Set("n", 8)
		s.Set("cart", cart{[]string{"tea"}})
		s.Set("half", 0.5)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := b.see(name)
	if !reflect.DeepEqual(got["cart"], map[string]any{"Items": []any{"tea"}}) || got["n"] != 8 || got["half"] != 0.5 {
		t.Errorf("the store reads %#v", got)
	}
	before := b.fields()
	b.visit(func(s *sessions.Session) { s.Values["new"] = 1 })
	for field, text := range before {
		if now := b.fields()[field]; now != text {
			t.Errorf("%s was %s and is %s", field, text, now)
		}
	}
}

// Under the name of the Manager's cookie, too, any key will do.
func TestKeysOfTheOwnName(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{Cookie: session.Cookie{Name: name}}).browser()
	want := map[any]any{"_berth": 1, "_berth_secret": 2, "": 3, "_key.": 4, 5: 5, "plain": 6}
	b.visit(func(s *sessions.Session) { s.Values = want })
	if got := b.see(name); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

// A value that cannot be decoded is an error of Get. The others are there, and it survives a Save.
func TestValueThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{Cookie: session.Cookie{Name: name}}).browser()
	b.visit(func(s *sessions.Session) { s.Values["good"] = 1 })
	broken := map[string]string{"gob": `["_gob",false,"AAAA"]`, "_key.!": `1`, "text": `{`}
	handle, _, _ := strings.Cut(b.cookies[name], ".")
	for field, text := range broken {
		if err := b.Redis.HSet(t.Context(), "{sessiontest_"+handle+"}_Data", field, text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r := b.request()
	is, err := r.store.Get(r.r, name)
	if err == nil || !strings.Contains(err.Error(), `"gob"`) || !strings.Contains(err.Error(), `"_key.!"`) || !strings.Contains(err.Error(), `"text"`) {
		t.Errorf("the error is %v", err)
	}
	if is.Values["good"] != 1 || len(is.Values) != 1 || is.IsNew {
		t.Errorf("the session has %v", is.Values)
	}
	is.Values["good"], is.Values["text"] = 2, "mended"
	r.save(is)
	got := b.fields()
	if got["gob"] != broken["gob"] || got["_key.!"] != "1" || got["good"] != "2" || got["text"] != `"mended"` {
		t.Errorf("Redis has %v", got)
	}
}
