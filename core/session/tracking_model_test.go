package session_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/session"
)

// A session behaves like a map: whatever is done to it over several requests,
// Redis has at the end what a map would have, and every commit writes what differs.
func TestTrackingAgainstAModel(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			t.Run(name+" "+access.String(), func(t *testing.T) {
				onEach(t, func(t *testing.T, r *rig) {
					var c changes
					m := r.Manager(session.Options{Codec: codec, Hooks: c.hooks()})
					rapid.Check(t, func(rt *rapid.T) { trackAgainstModel(t, rt, m, access, &c) })
				})
			})
		}
	}
}

func trackAgainstModel(t *testing.T, rt *rapid.T, m *session.Manager, access session.Access, c *changes) {
	model := map[string][]int{"seed": {1}}
	id := saved(t, m, "seed", []int{1})
	fields := []string{"seed", "a", "b", "A"}
	for range rapid.IntRange(1, 4).Draw(rt, "requests") {
		before := copied(model)
		s := begin(t, m, id, access)
		for range rapid.IntRange(0, 6).Draw(rt, "operations") {
			key := rapid.SampledFrom(fields).Draw(rt, "key")
			switch rapid.SampledFrom([]string{"set", "delete", "append", "change", "read", "clear"}).Draw(rt, "operation") {
			case "set":
				v := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 3).Draw(rt, "value")
				s.Set(key, slices.Clone(v))
				model[key] = v
			case "delete":
				s.Delete(key)
				delete(model, key)
			case "append":
				p, err := session.Get[*[]int](s, key)
				if _, ok := model[key]; ok != (err == nil) {
					rt.Fatalf("Get of %s: %v", key, err)
				}
				if err == nil {
					*p = append(*p, 7)
					// What was Set as a []int is now held as two types; say which counts.
					s.Set(key, slices.Clone(*p))
					model[key] = append(slices.Clone(model[key]), 7)
				}
			case "change":
				if v, err := session.Get[[]int](s, key); err == nil {
					v[0]++
					model[key][0]++
				}
			case "read":
				v, err := session.Get[[]int](s, key)
				if want, ok := model[key]; ok != (err == nil) || !slices.Equal(v, want) {
					rt.Fatalf("%s is %v (%v), want %v", key, v, err, want)
				}
			case "clear":
				s.Clear()
				clear(model)
			}
		}
		if want := slices.Sorted(maps.Keys(model)); !slices.Equal(s.Keys(), want) || s.Len() != len(want) {
			rt.Fatalf("keys are %v, want %v", s.Keys(), want)
		}
		for _, key := range fields {
			if _, ok := model[key]; s.Has(key) != ok {
				rt.Fatalf("Has of %s is %t", key, !ok)
			}
		}
		*c = changes{}
		commit(t, s)
		var set, deleted []string
		for key, v := range model {
			if old, ok := before[key]; !ok || !slices.Equal(old, v) {
				set = append(set, key)
			}
		}
		for key := range before {
			if _, ok := model[key]; !ok {
				deleted = append(deleted, key)
			}
		}
		slices.Sort(set)
		slices.Sort(deleted)
		if !slices.Equal(c.set, set) || !slices.Equal(c.deleted, deleted) {
			rt.Fatalf("wrote %v and deleted %v, want %v and %v", c.set, c.deleted, set, deleted)
		}
	}
	s := begin(t, m, id, session.ReadOnly)
	got := map[string][]int{}
	for _, key := range s.Keys() {
		got[key] = get[[]int](t, s, key)
	}
	if !reflect.DeepEqual(got, model) {
		rt.Fatalf("Redis has %v, want %v", got, model)
	}
}

func copied(m map[string][]int) map[string][]int {
	c := make(map[string][]int, len(m))
	for k, v := range m {
		c[k] = slices.Clone(v)
	}
	return c
}
