package values_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/internal/values"
)

// Values behave like a map: whatever is done to them over several requests, Redis has at the end
// what a map would have, every commit writes what differs, and the sizes are true.
func TestValuesAgainstAModel(t *testing.T) {
	t.Parallel()
	sealer, err := values.NewSealer("shop", [][]byte{bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	for name, coding := range map[string]*values.Coding{
		"json": {Codec: codecs["json"]}, "gob": {Codec: codecs["gob"]}, "sealed": {Codec: codecs["json"], Sealer: sealer},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { againstModel(t, rt, newStored(coding)) })
		})
	}
}

func againstModel(t *testing.T, rt *rapid.T, r *stored) {
	model := map[string][]int{"seed": {1}}
	r.save(t, "seed", []int{1})
	fields := []string{"seed", "a", "b", "A"}
	for range rapid.IntRange(1, 4).Draw(rt, "requests") {
		before := maps.Clone(model)
		vs, sizeBefore := r.load(), size(r.fields)
		for range rapid.IntRange(0, 6).Draw(rt, "operations") {
			key := rapid.SampledFrom(fields).Draw(rt, "key")
			switch rapid.SampledFrom([]string{"set", "delete", "append", "change", "read", "drop"}).Draw(rt, "operation") {
			case "set":
				v := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 3).Draw(rt, "value")
				vs.Set(key, slices.Clone(v))
				model[key] = v
			case "delete":
				vs.Delete(key)
				delete(model, key)
			case "append":
				if p, err := values.Get[*[]int](vs, key); err == nil {
					*p = append(*p, 7)
					// What was Set as a []int is now held as two types; say which counts.
					vs.Set(key, slices.Clone(*p))
					model[key] = append(slices.Clone(model[key]), 7)
				}
			case "change":
				if v, err := values.Get[[]int](vs, key); err == nil {
					v[0]++
					model[key] = slices.Clone(model[key])
					model[key][0]++
				}
			case "read":
				v, err := values.Get[[]int](vs, key)
				if want, ok := model[key]; ok != (err == nil) || !slices.Equal(v, want) {
					rt.Fatalf("%s is %v (%v), want %v", key, v, err, want)
				}
			case "drop":
				vs.Drop()
				clear(model)
				before, sizeBefore = map[string][]int{}, 0 // nothing is compared any more
			}
		}
		if want := sorted(model); !slices.Equal(vs.Keys(), want) || vs.Len() != len(want) {
			rt.Fatalf("keys are %v, want %v", vs.Keys(), want)
		}
		for _, key := range fields {
			if _, ok := model[key]; vs.Has(key) != ok {
				rt.Fatalf("Has of %s is %t", key, !ok)
			}
		}
		c := r.commit(t, vs)
		var set []string
		for key, v := range model {
			if old, ok := before[key]; !ok || !slices.Equal(old, v) {
				set = append(set, key)
			}
		}
		slices.Sort(set)
		if !slices.Equal(c.Set, set) {
			rt.Fatalf("wrote %v, want %v", c.Set, set)
		}
		if !slices.Equal(sorted(r.fields), sorted(model)) {
			rt.Fatalf("deleted %v, and Redis has %v, want %v", c.Deleted, sorted(r.fields), sorted(model))
		}
		if c.Before != sizeBefore || c.After != size(r.fields) {
			rt.Fatalf("from %d to %d bytes, want from %d to %d", c.Before, c.After, sizeBefore, size(r.fields))
		}
	}
	vs := r.load()
	for key, want := range model {
		if got := get[[]int](t, vs, key); !slices.Equal(got, want) {
			rt.Fatalf("Redis has %v under %s, want %v", got, key, want)
		}
	}
}
