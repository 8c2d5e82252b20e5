package gorillastore_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// refuses checks that berth's API does not take a value for a T, and leaves it alone.
func refuses[T any](t *testing.T, s *session.Session, key string) {
	t.Helper()
	got, err := session.Get[T](s, key)
	if wrong := (*session.ValueError)(nil); !errors.As(err, &wrong) {
		t.Errorf("Get[%v] of %s returns %#v (%v)", reflect.TypeFor[T](), key, got, err)
	}
	if pointer, err := session.Get[*T](s, key); err == nil {
		t.Errorf("Get[*%v] of %s returns %#v", reflect.TypeFor[T](), key, pointer)
	}
	var otherwise T
	session.GetOr(s, key, otherwise)
}

// What the store keeps as a gob is nothing else for berth's API: an error, and nothing is lost.
func TestGobIsNothingElse(t *testing.T) {
	t.Parallel()
	type noFields struct{}
	type text string
	for codec, o := range map[string]session.Options{"JSON": {}, "Gob": {Codec: session.Gob{}}} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			o.Cookie = session.Cookie{Name: name}
			b := newSite(t, o).browser()
			want := map[any]any{
				"struct": flashMessage{1, "x"}, "bytes": []byte("abc"), "strings": []string{"a"}, "map": map[string]int{"a": 1},
				"int64": int64(1), "float": 0.5, "named": kind(3), "text": "\xff",
			}
			b.visit(func(s *sessions.Session) { s.Values = want })
			before := b.fields()
			err := b.Manager.Do(t.Context(), b.cookies[name], session.Exclusive, func(s *session.Session) error {
				for key := range before {
					refuses[flashMessage](t, s, key)
					refuses[noFields](t, s, key)
					refuses[map[string]any](t, s, key)
					refuses[map[string]int](t, s, key)
					refuses[[]flashMessage](t, s, key)
					refuses[[]string](t, s, key)
					refuses[[]bool](t, s, key)
					refuses[text](t, s, key)
					refuses[string](t, s, key)
					refuses[int64](t, s, key)
					refuses[float64](t, s, key)
					refuses[bool](t, s, key)
					refuses[time.Time](t, s, key)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if after := b.fields(); !reflect.DeepEqual(before, after) {
				t.Errorf("Redis had %v\nand has %v", before, after)
			}
			if got := b.see(name); !reflect.DeepEqual(got, want) {
				t.Errorf("the store reads %#v", got)
			}
		})
	}
}

// What an earlier version of the store has written is read, and is no change.
func TestGobOfBefore(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{Cookie: session.Cookie{Name: name}}).browser()
	want := map[any]any{"flash": flashMessage{1, "x"}}
	b.visit(func(s *sessions.Session) { s.Values = want })
	now := b.fields()["flash"]
	inner, ok := strings.CutPrefix(now, `["_gob",false,`)
	if !ok {
		t.Fatalf("it is stored as %s", now)
	}
	before := `{"_gob":` + strings.TrimSuffix(inner, "]") + `}`
	handle, _, _ := strings.Cut(b.cookies[name], ".")
	if err := b.Redis.HSet(t.Context(), "{sessiontest_"+handle+"}_Data", "flash", before).Err(); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *sessions.Session) {
		if !reflect.DeepEqual(s.Values, want) {
			t.Errorf("it is %#v", s.Values)
		}
		s.Values["n"] = 1
	})
	if got := b.fields()["flash"]; got != before {
		t.Errorf("Redis has %s", got)
	}
}
