package values_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/values"
)

type item struct {
	Name  string
	Count int
}

type cart struct {
	Items []item
	Note  *string
}

// What is written is what differs, no more and no less.
func TestOnlyChangesAreWritten(t *testing.T) {
	t.Parallel()
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newStored(&values.Coding{Codec: codec})
			big := map[string]int{}
			for i := range 50 {
				big[fmt.Sprint(i)] = i
			}
			c := r.save(t, "n", 1, "s", "x", "cart", cart{Items: []item{{"tea", 1}}}, "map", big, "list", []int{1, 2}, "at", time.Unix(5, 0).UTC())
			wrote(t, "new session", c, "at cart list map n s", "")

			for _, step := range []struct {
				name         string
				do           func(vs *values.Values)
				set, deleted string
			}{
				{"nothing", func(*values.Values) {}, "", ""},
				{"read all", func(vs *values.Values) {
					get[int](t, vs, "n")
					get[string](t, vs, "s")
					get[*cart](t, vs, "cart")
					get[map[string]int](t, vs, "map")
					get[[]int](t, vs, "list")
					get[time.Time](t, vs, "at")
				}, "", ""},
				{"set the same", func(vs *values.Values) { vs.Set("n", 1); vs.Set("map", maps.Clone(big)) }, "", ""},
				{"set and back", func(vs *values.Values) { vs.Set("s", "y"); vs.Set("s", "x") }, "", ""},
				{"set another", func(vs *values.Values) { vs.Set("s", "y") }, "s", ""},
				{"delete and set the same again", func(vs *values.Values) { vs.Delete("n"); vs.Set("n", 1) }, "", ""},
				{"add and delete", func(vs *values.Values) { vs.Set("new", 1); vs.Delete("new") }, "", ""},
				{"add", func(vs *values.Values) { vs.Set("new", 1) }, "new", ""},
				{"delete", func(vs *values.Values) { vs.Delete("new"); vs.Delete("never") }, "", "new"},
				{"append in place", func(vs *values.Values) {
					c := get[*cart](t, vs, "cart")
					c.Items = append(c.Items, item{"jam", 2})
				}, "cart", ""},
				{"append in place and take back", func(vs *values.Values) {
					c := get[*cart](t, vs, "cart")
					c.Items = append(c.Items, item{"milk", 2})
					c = get[*cart](t, vs, "cart")
					c.Items = c.Items[:2]
				}, "", ""},
				{"change a map in place", func(vs *values.Values) { get[map[string]int](t, vs, "map")["0"] = 99 }, "map", ""},
				{"change a slice in place", func(vs *values.Values) { get[[]int](t, vs, "list")[0] = 99 }, "list", ""},
				{"change an element of a value's slice", func(vs *values.Values) { get[cart](t, vs, "cart").Items[0].Count = 9 }, "cart", ""},
				{"change after Set", func(vs *values.Values) {
					c := &cart{}
					vs.Set("cart", c)
					c.Items = []item{{"late", 1}}
				}, "cart", ""},
				{"read as another type", func(vs *values.Values) { get[int64](t, vs, "n"); get[*int](t, vs, "n") }, "", ""},
				{"drop all but what is set again", func(vs *values.Values) {
					vs.Set("s", "of the user before")
					vs.Drop()
					vs.Set("n", 1)
					vs.Set("list", []int{3})
				}, "list n", "at cart map s"},
			} {
				vs := r.load()
				step.do(vs)
				wrote(t, step.name, r.commit(t, vs), step.set, step.deleted)
			}
			vs := r.load()
			if keys := vs.Keys(); !slices.Equal(keys, []string{"list", "n"}) {
				t.Errorf("in Redis are %v", keys)
			}
		})
	}
}

// The same Get returns the same pointer.
func TestGetReturnsTheSameValue(t *testing.T) {
	t.Parallel()
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			r := newStored(&values.Coding{Codec: codec})
			r.save(t, "cart", cart{})
			vs := r.load()
			a, b := get[*cart](t, vs, "cart"), get[*cart](t, vs, "cart")
			if a != b {
				t.Error("two pointers to one value")
			}
			a.Items = append(a.Items, item{"tea", 1})
			if c := get[cart](t, vs, "cart"); len(c.Items) != 1 {
				t.Error("read as another type, a change in place is not seen")
			}
			set := &cart{}
			vs.Set("cart", set)
			if get[*cart](t, vs, "cart") != set {
				t.Error("Get is not what Set put there")
			}
		})
	}
}

func TestGotAsSeveralTypes(t *testing.T) {
	t.Parallel()
	type partial struct{ A int }
	r := newStored(&values.Coding{Codec: codecs["json"]})
	r.save(t, "m", map[string]int{"A": 1, "B": 2}, "big", int64(1<<60+1))

	// To read a value as a type that holds less of it does no harm.
	vs := r.load()
	get[*partial](t, vs, "m")
	get[any](t, vs, "big")
	if get[map[string]int](t, vs, "m")["B"] != 2 || get[int64](t, vs, "big") != 1<<60+1 {
		t.Error("the second type sees what is left of the first")
	}
	wrote(t, "read as several types", r.commit(t, vs), "", "")

	// A change through one is seen through the other, and written.
	vs = r.load()
	get[map[string]int](t, vs, "m")["A"] = 5
	if get[*partial](t, vs, "m").A != 5 {
		t.Error("the change is not seen")
	}
	wrote(t, "changed as one", r.commit(t, vs), "m", "")
	if got := r.fields["m"]; got != `{"A":5,"B":2}` {
		t.Errorf("written as %s", got)
	}

	vs = r.load()
	vs.Set("n", 1)
	*get[*int](t, vs, "n") = 2
	r.commit(t, vs)
	if get[int](t, r.load(), "n") != 2 {
		t.Error("a change through a pointer to what was set was lost")
	}

	// Of two changes to different ends, neither is the right one.
	vs = r.load()
	one, two := get[map[string]int](t, vs, "m"), get[*partial](t, vs, "m")
	one["A"], two.A = 7, 8
	if _, err := vs.Changes(); err == nil || !strings.Contains(err.Error(), `"m"`) {
		t.Errorf("one of two changes was chosen: %v", err)
	}
	vs.Set("m", 4)
	wrote(t, "said which", r.commit(t, vs), "m", "")
}

// What is set is written though what is there would decode to the same.
func TestSetReplacesWhatHoldsMore(t *testing.T) {
	t.Parallel()
	type full struct{ A, Secret int }
	type part struct{ A int }
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			r := newStored(&values.Coding{Codec: codec})
			r.save(t, "nil", nil, "list", []int{1, 2, 3}, "struct", full{1, 2})
			vs := r.load()
			vs.Set("nil", 0)
			vs.Set("struct", part{1})
			if name == "json" {
				vs.Set("list", [2]int{1, 2})
			}
			r.commit(t, vs)
			vs = r.load()
			if v, err := values.Get[*int](vs, "nil"); err != nil || v == nil {
				t.Errorf("0 over nil is %v (%v)", v, err)
			}
			if name == "json" && len(get[[]int](t, vs, "list")) != 2 {
				t.Error("the longer list is still there")
			}
			if v, err := values.Get[full](vs, "struct"); err != nil || v.Secret != 0 {
				t.Errorf("the removed field is still there: %v (%v)", v, err)
			}
		})
	}
}

// What cannot be encoded or decoded is an error about one value, and harms no other.
func TestErrorsNameTheValue(t *testing.T) {
	t.Parallel()
	r := newStored(&values.Coding{Codec: codecs["json"]})
	r.save(t, "n", 1, "s", "x")
	vs := r.load()
	var failed *values.Error
	if _, err := values.Get[int](vs, "s"); !errors.As(err, &failed) || failed.Op != "decode" || failed.Key != "s" || failed.Type != "int" {
		t.Errorf("a string as an int: %v", err)
	}
	if _, err := values.Get[int](vs, "never"); !errors.Is(err, values.ErrNone) {
		t.Errorf("no value: %v", err)
	}
	vs.Set("f", func() {})
	if _, err := vs.Changes(); !errors.As(err, &failed) || failed.Op != "encode" || failed.Key != "f" || failed.Type != "func()" {
		t.Errorf("a function: %v", err)
	}
	vs.Delete("f")
	wrote(t, "without it", r.commit(t, vs), "", "")
}
