package gorillastore_test

import (
	"reflect"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// What JSON keeps as it is needs no registered type, as in sessions that a store had as JSON.
func TestGenericValuesNeedNoType(t *testing.T) {
	t.Parallel()
	b := newSite(t, session.Options{}).browser()
	want := map[any]any{"profile": map[string]any{"name": "ann", "age": 3.5, "tags": []any{"a", true, nil}}}
	b.visit(func(s *sessions.Session) { s.Values = want })
	if got := b.see(name); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
	// JSON would make a float64 of this int.
	r := b.request()
	is := r.get(name)
	is.Values["bad"] = map[string]any{"n": 1}
	if err := is.Save(r.r, r.w); err == nil {
		t.Error("a value that would change is saved")
	}
}
