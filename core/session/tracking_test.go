package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// oneWay can be decoded, but not encoded.
type oneWay struct{ A int }

func (oneWay) MarshalJSON() ([]byte, error) { return nil, errors.New("one way only") }

// A value that was only read cannot fail the commit of others.
func TestReadOfAOneWayType(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
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

// peers.md 30: a commit that failed is whole when it is tried again.
func TestFailedCommitKeepsItsChanges(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client, f := r.newClient(), &faults{}
		client.AddHook(f)
		m := r.managerOn(client, session.Options{})
		id := saved(t, m, "a", 1, "b", 1, "c", []int{1})
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", 2)
		s.Delete("b")
		get[[]int](t, s, "c")[0] = 2
		s.Set("bad", func() {})
		var value *session.ValueError
		if err := s.Commit(ctx); !errors.As(err, &value) || value.Key != "bad" || value.Type != "func()" {
			t.Fatalf("the commit of a func: %v", err)
		}
		s.Delete("bad")
		f.then(refuse)
		var failed *session.OpError
		if err := s.Commit(ctx); !errors.As(err, &failed) || s.Err() == nil {
			t.Fatalf("the commit without Redis: %v", err)
		}
		commit(t, s)
		if s.Err() != nil {
			t.Errorf("after a commit that succeeded, Err is %v", s.Err())
		}
		s = view(t, m, id)
		if get[int](t, s, "a") != 2 || s.Has("b") || get[[]int](t, s, "c")[0] != 2 {
			t.Error("changes were lost on the way")
		}
	})
}

// peers.md 33.
func TestNilAndEmptyValues(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.manager(session.Options{Codec: codec})
				var none *cart
				id := saved(t, m, "nil", nil, "pointer", none, "bytes", []byte{}, "string", "", "KEY", 1, "key", 2)
				s := view(t, m, id)
				for _, key := range []string{"nil", "pointer", "bytes", "string", "KEY", "key"} {
					if !s.Has(key) {
						t.Errorf("%s is absent", key)
					}
				}
				if get[*cart](t, s, "nil") != nil || get[*cart](t, s, "pointer") != nil || get[string](t, s, "string") != "" {
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
		m := r.manager(session.Options{Codec: session.Raw{}})
		id := saved(t, m, "s", "plain", "b", []byte{0, 255}, "n", name("ann"), "j", json.RawMessage("{}"), "e", []byte{})
		if got := r.hget(id, "s"); got != "plain" {
			t.Errorf("stored as %q", got)
		}
		s := begin(t, m, id, session.Exclusive)
		if get[string](t, s, "s") != "plain" || !bytes.Equal(get[[]byte](t, s, "b"), []byte{0, 255}) || get[name](t, s, "n") != "ann" ||
			string(get[json.RawMessage](t, s, "j")) != "{}" || *get[*string](t, s, "s") != "plain" || get[[]byte](t, s, "e") == nil {
			t.Error("came back otherwise")
		}
		get[[]byte](t, s, "b")[0] = 7
		commit(t, s)
		if got := r.hget(id, "b"); got != "\x07\xff" {
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
		m := r.manager(session.Options{Codec: upper{}})
		id := saved(t, m, "s", "tea")
		if r.hget(id, "s") != "TEA" || get[string](t, view(t, m, id), "s") != "tea" {
			t.Error("the codec was not used")
		}
	})
}

// peers.md 35.
func TestUnencodableValueInNewSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.Set("good", 1)
		s.Set("bad", make(chan int))
		err := s.Commit(context.Background())
		if err == nil || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), "chan int") {
			t.Errorf("the error does not say which: %v", err)
		}
		if len(r.keys()) != 0 {
			t.Error("half a session was saved")
		}
	})
}

// peers.md 36.
func TestUndecodableValueHarmsNobody(t *testing.T) {
	for name, keys := range map[string][]session.EncryptionKey{"plain": nil, "encrypted": {bytes.Repeat([]byte{1}, 32)}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				var c changes
				m := r.manager(session.Options{Hooks: c.hooks(), EncryptionKeys: keys})
				id := saved(t, m, "good", 1, "bad", "a text", "old", []int{1})
				if err := r.client.HSet(context.Background(), r.key(id, "Data"), "broken", "{").Err(); err != nil {
					t.Fatal(err)
				}
				was := r.hget(id, "bad")
				s := begin(t, m, id, session.Exclusive)
				var value *session.ValueError
				if _, err := session.Get[int](s, "bad"); !errors.As(err, &value) || value.Key != "bad" || !strings.Contains(err.Error(), "int") {
					t.Errorf("the error does not say which: %v", err)
				} else if strings.Contains(err.Error(), "a text") {
					t.Errorf("the error tells the value: %v", err)
				}
				if _, err := session.Get[*cart](s, "broken"); err == nil {
					t.Error("read what is broken")
				}
				if !s.Has("bad") || get[int](t, s, "good") != 1 || get[string](t, s, "bad") != "a text" {
					t.Error("the others cannot be read")
				}
				s.Set("good", 2)
				commit(t, s)
				c = changes{}
				if r.hget(id, "bad") != was || r.hget(id, "broken") != "{" {
					t.Error("what cannot be decoded did not stay as it was")
				}
				s = begin(t, m, id, session.Exclusive)
				s.Rotate()
				commit(t, s)
				if r.hget(s.ID(), "broken") != "{" || get[string](t, view(t, m, s.ID()), "bad") != "a text" {
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

func TestReservedAndEmptyKeys(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m, "a", 1)
		for _, key := range []string{"", "_berth"} {
			s := begin(t, m, id, session.Exclusive)
			s.Set("a", 2)
			s.Set(key, 1)
			if err := s.Commit(context.Background()); err == nil {
				t.Errorf("the key %q was taken", key)
			}
			s.Rollback(context.Background())
			if s := view(t, m, id); s.IsNew() || get[int](t, s, "a") != 1 || s.Has(key) {
				t.Errorf("the key %q had an effect", key)
			}
		}
	})
}

// peers.md 34.
func TestManyFields(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		const n = 20_000
		m := r.manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		for i := range n {
			s.Set(fmt.Sprint(i), i)
		}
		commit(t, s)
		id := s.ID()
		s = begin(t, m, id, session.Exclusive)
		if s.Len() != n {
			t.Fatalf("%d fields", s.Len())
		}
		for i := range n {
			s.Set(fmt.Sprint(i), i+1)
		}
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		if got := get[int](t, s, "19999"); got != n {
			t.Errorf("the last is %d", got)
		}
		s.Rotate()
		commit(t, s)
		s = begin(t, m, s.ID(), session.Shared)
		s.Clear()
		s.Set("only", 1)
		commit(t, s)
		if got := r.client.HLen(context.Background(), r.key(s.ID(), "Data")).Val(); got != 2 {
			t.Errorf("%d fields are left", got)
		}
	})
}

func TestMaxBytes(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{Codec: session.Raw{}})
		fits := bytes.Repeat([]byte("x"), 1<<20-1)
		id := saved(t, m, "k", fits)
		if got := len(get[[]byte](t, view(t, m, id), "k")); got != len(fits) {
			t.Fatalf("%d bytes came back", got)
		}
		for name, change := range map[string]func(s *session.Session){
			"a larger value": func(s *session.Session) { s.Set("k", append(fits, 'x')) },
			"a second value": func(s *session.Session) { s.Set("l", "") },
		} {
			s := begin(t, m, id, session.Exclusive)
			change(s)
			s.SetTimeout(time.Hour)
			wantErr(t, s.Commit(ctx), session.ErrTooLarge)
			s.Rollback(ctx)
			if s := view(t, m, id); s.Len() != 1 || len(get[[]byte](t, s, "k")) != len(fits) {
				t.Errorf("%s: something was written", name)
			}
		}
		s := begin(t, m, "", session.Exclusive)
		s.Set("k", append(fits, 'x'))
		wantErr(t, s.Commit(ctx), session.ErrTooLarge)
		s.Set("k", "small enough")
		commit(t, s)

		// A limit that was lowered does not lock a session in.
		tight := r.manager(session.Options{Codec: session.Raw{}, MaxBytes: 100})
		s = begin(t, tight, id, session.Exclusive)
		s.Set("l", "more")
		wantErr(t, s.Commit(ctx), session.ErrTooLarge)
		s.Delete("l")
		s.Set("k", fits[:1000])
		commit(t, s)
	})
}

// A session behaves like a map: whatever is done to it over several requests,
// Redis has at the end what a map would have, and every commit writes what differs.
func TestTrackingAgainstAModel(t *testing.T) {
	for name, codec := range map[string]session.Codec{"json": session.JSON{}, "gob": session.Gob{}} {
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			t.Run(name+" "+access.String(), func(t *testing.T) {
				onEach(t, func(t *testing.T, r *rig) {
					var c changes
					m := r.manager(session.Options{Codec: codec, Hooks: c.hooks()})
					checks(t, func(rt *rapid.T) { trackAgainstModel(t, rt, m, access, &c) })
				})
			})
		}
	}
}

// checks runs a property a bounded number of times: each makes real requests.
func checks(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	rapid.Check(t, property)
}

func trackAgainstModel(t *testing.T, rt *rapid.T, m *session.Manager, access session.Access, c *changes) {
	model := map[string][]int{"seed": {1}}
	id := saved(t, m, "seed", []int{1})
	for range rapid.IntRange(1, 4).Draw(rt, "requests") {
		before := copied(model)
		s := begin(t, m, id, access)
		for range rapid.IntRange(0, 6).Draw(rt, "operations") {
			key := rapid.SampledFrom([]string{"seed", "a", "b", "A"}).Draw(rt, "key")
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
