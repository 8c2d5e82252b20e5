package session_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

type item struct {
	Name  string
	Count int
}

type cart struct {
	Items []item
	Note  *string
}

// changes records what commits write, through the hooks.
type changes struct{ set, deleted []string }

func (c *changes) hooks() session.Hooks {
	return session.Hooks{
		OnFieldsSet:     func(_ context.Context, _ *session.Session, keys []string) { c.set = keys },
		OnFieldsDeleted: func(_ context.Context, _ *session.Session, keys []string) { c.deleted = keys },
	}
}

func (c *changes) want(t *testing.T, what string, set, deleted string) {
	t.Helper()
	if got := strings.Join(c.set, " "); got != set {
		t.Errorf("%s: wrote %q, want %q", what, got, set)
	}
	if got := strings.Join(c.deleted, " "); got != deleted {
		t.Errorf("%s: deleted %q, want %q", what, got, deleted)
	}
	*c = changes{}
}

// peers.md 29, 31, 32: what is written is what differs, no more and no less.
func TestOnlyChangesAreWritten(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				var c changes
				m := r.manager(session.Options{Hooks: c.hooks(), Codec: codec})
				big := map[string]int{}
				for i := range 50 {
					big[fmt.Sprint(i)] = i
				}
				id := saved(t, m, "n", 1, "s", "x", "cart", cart{Items: []item{{"tea", 1}}}, "map", big, "list", []int{1, 2}, "at", time.Unix(5, 0).UTC())
				c.want(t, "new session", "at cart list map n s", "")

				for _, step := range []struct {
					name         string
					do           func(s *session.Session)
					set, deleted string
				}{
					{"nothing", func(*session.Session) {}, "", ""},
					{"read all", func(s *session.Session) {
						get[int](t, s, "n")
						get[string](t, s, "s")
						get[*cart](t, s, "cart")
						get[map[string]int](t, s, "map")
						get[[]int](t, s, "list")
						get[time.Time](t, s, "at")
					}, "", ""},
					{"set the same", func(s *session.Session) { s.Set("n", 1); s.Set("map", maps.Clone(big)) }, "", ""},
					{"set and back", func(s *session.Session) { s.Set("s", "y"); s.Set("s", "x") }, "", ""},
					{"set another", func(s *session.Session) { s.Set("s", "y") }, "s", ""},
					{"delete and set the same again", func(s *session.Session) { s.Delete("n"); s.Set("n", 1) }, "", ""},
					{"add and delete", func(s *session.Session) { s.Set("new", 1); s.Delete("new") }, "", ""},
					{"add", func(s *session.Session) { s.Set("new", 1) }, "new", ""},
					{"delete", func(s *session.Session) { s.Delete("new"); s.Delete("never") }, "", "new"},
					{"append in place", func(s *session.Session) {
						c := get[*cart](t, s, "cart")
						c.Items = append(c.Items, item{"jam", 2})
					}, "cart", ""},
					{"append in place and take back", func(s *session.Session) {
						c := get[*cart](t, s, "cart")
						c.Items = append(c.Items, item{"milk", 2})
						c = get[*cart](t, s, "cart")
						c.Items = c.Items[:2]
					}, "", ""},
					{"change a map in place", func(s *session.Session) { get[map[string]int](t, s, "map")["0"] = 99 }, "map", ""},
					{"change a slice in place", func(s *session.Session) { get[[]int](t, s, "list")[0] = 99 }, "list", ""},
					{"change an element of a value's slice", func(s *session.Session) { get[cart](t, s, "cart").Items[0].Count = 9 }, "cart", ""},
					{"change after Set", func(s *session.Session) {
						c := &cart{}
						s.Set("cart", c)
						c.Items = []item{{"late", 1}}
					}, "cart", ""},
					{"read as another type", func(s *session.Session) { get[int64](t, s, "n"); get[*int](t, s, "n") }, "", ""},
					{"clear", func(s *session.Session) { s.Clear(); s.Set("n", 1) }, "", "at cart list map s"},
				} {
					s := begin(t, m, id, session.Exclusive)
					step.do(s)
					commit(t, s)
					c.want(t, step.name, step.set, step.deleted)
				}
				s := view(t, m, id)
				if keys := s.Keys(); !slices.Equal(keys, []string{"n"}) {
					t.Errorf("in Redis are %v", keys)
				}
			})
		})
	}
}

// The same Get returns the same pointer.
func TestGetReturnsTheSameValue(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		s := begin(t, m, saved(t, m, "cart", cart{}), session.Exclusive)
		a, b := get[*cart](t, s, "cart"), get[*cart](t, s, "cart")
		if a != b {
			t.Error("two pointers to one value")
		}
		a.Items = append(a.Items, item{"tea", 1})
		if c := get[cart](t, s, "cart"); len(c.Items) != 1 {
			t.Error("read as another type, a change in place is not seen")
		}
		set := &cart{}
		s.Set("cart", set)
		if get[*cart](t, s, "cart") != set {
			t.Error("Get is not what Set put there")
		}
		s.Rollback(context.Background())
	})
}

func TestGotAsSeveralTypes(t *testing.T) {
	type partial struct{ A int }
	onEach(t, func(t *testing.T, r *rig) {
		var c changes
		m := r.manager(session.Options{Hooks: c.hooks()})
		id := saved(t, m, "m", map[string]int{"A": 1, "B": 2}, "big", int64(1<<60+1))
		c = changes{}

		// To read a value as a type that holds less of it does no harm.
		s := begin(t, m, id, session.Exclusive)
		get[*partial](t, s, "m")
		get[any](t, s, "big")
		if get[map[string]int](t, s, "m")["B"] != 2 || get[int64](t, s, "big") != 1<<60+1 {
			t.Error("the second type sees what is left of the first")
		}
		commit(t, s)
		c.want(t, "read as several types", "", "")

		// A change through one is seen through the other, and written.
		s = begin(t, m, id, session.Exclusive)
		get[map[string]int](t, s, "m")["A"] = 5
		if get[*partial](t, s, "m").A != 5 {
			t.Error("the change is not seen")
		}
		commit(t, s)
		c.want(t, "changed as one", "m", "")
		if got := r.hget(id, "m"); got != `{"A":5,"B":2}` {
			t.Errorf("written as %s", got)
		}

		s = begin(t, m, id, session.Exclusive)
		s.Set("n", 1)
		*get[*int](t, s, "n") = 2
		commit(t, s)
		if get[int](t, view(t, m, id), "n") != 2 {
			t.Error("a change through a pointer to what was set was lost")
		}

		// Two changes to different ends are nobody's to choose from.
		s = begin(t, m, id, session.Exclusive)
		one, two := get[map[string]int](t, s, "m"), get[*partial](t, s, "m")
		one["A"], two.A = 7, 8
		if err := s.Commit(context.Background()); err == nil || !strings.Contains(err.Error(), `"m"`) {
			t.Errorf("the commit chose one of two changes: %v", err)
		}
		s.Set("m", 4)
		commit(t, s)
	})
}

// What is set is written though what is there would decode to the same.
func TestSetReplacesWhatHoldsMore(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		t.Run(name, func(t *testing.T) {
			type full struct{ A, Secret int }
			type part struct{ A int }
			onEach(t, func(t *testing.T, r *rig) {
				m := r.manager(session.Options{Codec: codec})
				id := saved(t, m, "nil", nil, "list", []int{1, 2, 3}, "struct", full{1, 2})
				s := begin(t, m, id, session.Exclusive)
				s.Set("nil", 0)
				s.Set("struct", part{1})
				if name == "json" {
					s.Set("list", [2]int{1, 2})
				}
				commit(t, s)
				s = view(t, m, id)
				if v, err := session.Get[*int](s, "nil"); err != nil || v == nil {
					t.Errorf("0 over nil is %v (%v)", v, err)
				}
				if name == "json" && len(get[[]int](t, s, "list")) != 2 {
					t.Error("the longer list is still there")
				}
				if v, err := session.Get[full](s, "struct"); err != nil || v.Secret != 0 {
					t.Errorf("the removed field is still there: %v (%v)", v, err)
				}
			})
		})
	}
}

// peers.md 8: the goroutines of one handler.
func TestConcurrentUseOfOneSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		s := begin(t, m, saved(t, m, "n", 0), session.Exclusive)
		done := make(chan struct{})
		for i := range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for j := range 100 {
					key := fmt.Sprintf("%d-%d", i, j)
					s.Set(key, j)
					s.Has(key)
					_, _ = session.Get[int](s, "n")
					_ = s.Keys()
					_ = s.Err()
					if j%2 == 1 {
						s.Delete(key)
					}
				}
			}()
		}
		for range 8 {
			<-done
		}
		commit(t, s)
		if got := view(t, m, s.ID()).Len(); got != 401 {
			t.Errorf("%d values, want 401", got)
		}
	})
}
