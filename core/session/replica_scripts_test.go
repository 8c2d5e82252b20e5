package session_test

import (
	"strings"
	"testing"
	"time"

	rigs "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/internal/store"
)

// A call that is repeated after a failover may reach a replica that has the first try, and will lose it. So a replica
// does not say that something is done, has ended or is another's either.
func TestReplicaAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	_, r := rigs.WithServer(t)
	ctx := t.Context()
	keys, err := store.NewKeys(r.App, "_")
	rigs.WantErr(t, err, nil)
	s := &store.Store{Client: r.Client, Keys: keys, LockTTL: 10 * time.Second}
	tracked := &store.Store{Client: r.Client, Keys: keys, LockTTL: 10 * time.Second, Tracked: true}
	p := store.NewProcess()
	h := func(c string) string { return strings.Repeat(c, 26) }
	meta := func() store.Meta {
		return store.Meta{Timeout: time.Hour, Created: time.Now(), Commit: p.Token(), Principal: "ann"}
	}
	mk := func(handle string, m store.Meta) {
		if c, err := s.Create(ctx, handle, strings.Repeat("1", 32), m, []any{"n", "1"}); c != store.Done || err != nil {
			t.Fatal(c, err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mk(h("a"), meta())
	ret := store.Retirement{Token: p.Token(), Reason: "ended"}
	_, _, err = s.Retire(ctx, h("a"), ret)
	must(err)
	mk(h("b"), meta())
	tok := p.Token()
	_, err = s.Merge(ctx, h("b"), "", tok, store.Change{Set: []any{"n", "2"}})
	must(err)
	m := meta()
	m.Extras.Retention = time.Hour
	mk(h("c"), m) // tracked
	must(tracked.Expect(ctx, h("c"), m))
	_, err = s.PutCompanion(ctx, h("b"), "", strings.Repeat("1", 32), "secret", m)
	must(err)
	_, err = s.Enlist(ctx, h("b"), "ann", time.Hour, true)
	must(err)
	mk(h("d"), m) // tracked, whose Timeout is gone here
	must(r.Client.Del(ctx, keys.Alive(h("d"))).Err())

	must(r.Client.Do(ctx, "REPLICAOF", "127.0.0.1", "1").Err())
	st := func(c store.Status, err error) (any, error) { return c, err }
	for name, call := range map[string]func() (any, error){
		"Retire again, same token": func() (any, error) { c, _, err := s.Retire(ctx, h("a"), ret); return c, err },
		"Merge again, same token":  func() (any, error) { return st(s.Merge(ctx, h("b"), "", tok, store.Change{Set: []any{"n", "2"}})) },
		"Load retired, short form": func() (any, error) { l, err := s.Load(ctx, h("a"), strings.Repeat("1", 32)); return l.Status, err },
		"Begin retired, short form": func() (any, error) {
			l, err := s.Begin(ctx, h("a"), strings.Repeat("1", 32), p.Token(), store.Queue)
			return l.Status, err
		},
		"Claim of one alive": func() (any, error) {
			c := tracked.Claim(ctx, []string{h("c")}, p.Token(), time.Hour)[0]
			return []any{c.Status, c.Left}, c.Err
		},
		"Look":                      func() (any, error) { c := tracked.Look(ctx, h("x")); return c.Meta.Reason, c.Err },
		"Mark, tracked, no Timeout": func() (any, error) { return st(s.Mark(ctx, h("d"), store.Extras{Listed: time.Now()})) },
		"DeleteCompanion, other proof": func() (any, error) {
			return nil, s.DeleteCompanion(ctx, h("b"), strings.Repeat("2", 32), strings.Repeat("3", 32))
		},
		"HideCompanion, other proof": func() (any, error) { return nil, s.HideCompanion(ctx, h("b"), strings.Repeat("2", 32)) },
		"PutCompanion, other proof": func() (any, error) {
			ok, err := s.PutCompanion(ctx, h("b"), strings.Repeat("2", 32), strings.Repeat("3", 32), "v", m)
			return ok, err
		},
		"Enlist again": func() (any, error) { _, err := s.Enlist(ctx, h("b"), "ann", time.Minute, false); return nil, err },
		"Peek":         func() (any, error) { l, err := s.Peek(ctx, h("b"), ""); return l.Status, err },
	} {
		v, err := call()
		if err == nil || !strings.Contains(err.Error(), "READONLY") {
			t.Errorf("%s: %v, %v; want that the server is a replica", name, v, err)
		}
	}
}
