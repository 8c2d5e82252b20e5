//go:build testall

package session_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// resharding is a cluster on which somebody moves slots, and does not complete that.
type resharding struct {
	cluster *redistest.Cluster
	nodes   map[string]*redis.Client
}

func startResharding(t *testing.T) *resharding {
	t.Helper()
	redistest.NeedServer(t)
	cluster, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{FailAfter: support.Patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	r := &resharding{cluster, map[string]*redis.Client{}}
	for _, addr := range cluster.Addrs() {
		c := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = c.Close() })
		r.nodes[addr] = c
	}
	return r
}

// move begins to move the slot of a session, moves the keys with some suffixes, and returns how to
// complete that.
func (r *resharding) move(t *testing.T, id string, suffixes ...string) (complete func()) {
	t.Helper()
	do := func(c *redis.Client, args ...any) any {
		t.Helper()
		v, err := c.Do(t.Context(), args...).Result()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tag := "{shop_" + handleOf(id) + "}_"
	master, err := r.cluster.MasterOf(t.Context(), tag)
	if err != nil {
		t.Fatal(err)
	}
	addrs := r.cluster.Addrs()
	from, to := r.nodes[master.Addr()], r.nodes[addrs[(slices.Index(addrs, master.Addr())+1)%len(addrs)]]
	slot := do(from, "cluster", "keyslot", tag)
	do(to, "cluster", "setslot", slot, "importing", do(from, "cluster", "myid"))
	do(from, "cluster", "setslot", slot, "migrating", do(to, "cluster", "myid"))
	migrate := func(key string) {
		host, port, _ := net.SplitHostPort(to.Options().Addr)
		do(from, "migrate", host, port, key, 0, 1000)
	}
	for _, suffix := range suffixes {
		if do(from, "exists", tag+suffix) != int64(1) {
			t.Fatalf("there is no key %s to move", suffix)
		}
		migrate(tag + suffix)
	}
	return func() {
		t.Helper()
		for _, key := range do(from, "cluster", "getkeysinslot", slot, 100).([]any) {
			migrate(key.(string)) // fails if the key is at both nodes
		}
		for _, c := range []*redis.Client{to, from} {
			do(c, "cluster", "setslot", slot, "node", do(to, "cluster", "myid"))
		}
	}
}

// moves are the keys that have moved of a session that has Data and Rotated.
var moves = map[string][]string{"none": nil, "data": {"Data"}, "others": {"Rotated"}, "all": {"Data", "Rotated"}}

// In a slot whose move nobody completes, a session can be read and ended, wherever its keys are. Once the
// slot has moved, the session is still ended.
func TestSlotThatStaysMigrating(t *testing.T) {
	t.Parallel()
	r := startResharding(t)
	config := session.Config{Addrs: r.cluster.Addrs(), Cluster: true}
	m := mustOpen(t, config, session.Options{App: "shop", EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef0123456789abcdef")}})
	keys := redis.NewClusterClient(&redis.ClusterOptions{Addrs: r.cluster.Addrs()})
	t.Cleanup(func() { _ = keys.Close() })
	for name, end := range map[string]func(id, user string) error{
		"End":       func(id, _ string) error { return m.End(t.Context(), id) },
		"EndHandle": func(id, _ string) error { return m.EndHandle(t.Context(), handleOf(id)) },
		"EndAll":    func(_, user string) error { _, err := m.EndAll(t.Context(), user); return err },

		"Abandon": func(id, _ string) error {
			return m.Do(t.Context(), id, session.Shared, func(s *session.Session) error { s.Abandon(); return nil })
		},
	} {
		for moved, suffixes := range moves {
			what := fmt.Sprintf("%s, moved: %s", name, moved)
			old := signIn(t, m, what)
			id := rotate(t, m, old)
			if err := m.Do(t.Context(), id, session.Exclusive, func(s *session.Session) error { s.Set("n", 1); return nil }); err != nil {
				t.Fatal(err)
			}
			data := "{shop_" + handleOf(id) + "}_Data"
			if err := keys.PExpire(t.Context(), data, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			complete := r.move(t, id, suffixes...)

			s, err := m.Begin(t.Context(), id, session.ReadOnly)
			if err != nil {
				t.Errorf("%s: ReadOnly: %v", what, err)
				continue
			}
			if n := get[int](t, s, "n"); n != 1 || s.Handle() != handleOf(id) {
				t.Errorf("%s: n is %d, the handle is %q", what, n, s.Handle())
			}
			if left := keys.PTTL(t.Context(), data).Val(); left < 2*time.Minute {
				t.Errorf("%s: the idle time did not start anew: %v are left", what, left)
			}
			if err := m.End(t.Context(), handleOf(id)+".aaaaaaaaaaaaaaaaaaaaaaaaaa"); err == nil {
				t.Errorf("%s: ended with a secret that is not the session's", what)
			}
			if err := m.End(t.Context(), old); err == nil {
				t.Errorf("%s: ended with a secret that was rotated away", what)
			}
			if err := end(id, what); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			for _, when := range []string{"before", "after"} {
				s, err := m.Begin(t.Context(), id, session.ReadOnly)
				if err != nil || s.Has("n") || s.Principal() != "" {
					t.Errorf("%s: %s the move, the ended session has values, or %v", what, when, err)
				}
				if when == "before" {
					complete()
				}
			}
			if fields := keys.HKeys(t.Context(), data).Val(); len(fields) != 2 {
				t.Errorf("%s: the ended session has the fields %v", what, fields)
			}
		}
	}
}

// Whoever held a session that was ended in such a slot saves nothing afterwards.
func TestHolderInASlotThatStaysMigrating(t *testing.T) {
	t.Parallel()
	r := startResharding(t)
	m := mustOpen(t, session.Config{Addrs: r.cluster.Addrs(), Cluster: true}, session.Options{App: "shop"})
	for moved, suffixes := range map[string][]string{"none": nil, "data": {"Data"}, "lock": {"Lock"}} {
		id := saved(t, m, "n", 1)
		held := begin(t, m, id, session.Exclusive)
		held.Set("n", 2)
		complete := r.move(t, id, suffixes...)
		if err := m.End(t.Context(), id); err != nil {
			t.Errorf("moved: %s: %v", moved, err)
		}
		complete()
		wantErr(t, held.Commit(t.Context()), session.ErrEnded)
		if s := begin(t, m, id, session.ReadOnly); s.Has("n") {
			t.Errorf("moved: %s: the session is back", moved)
		}
	}
}

// A session whose end is tracked cannot be ended there: its data would have to move to another key. The
// error says so, and nothing has happened.
func TestTrackedInASlotThatStaysMigrating(t *testing.T) {
	t.Parallel()
	r := startResharding(t)
	m := mustOpen(t, session.Config{Addrs: r.cluster.Addrs(), Cluster: true}, session.Options{App: "shop", TrackEnd: true})
	id := saved(t, m, "n", 1)
	complete := r.move(t, id, "Data")
	for name, call := range map[string]func() error{
		"End":   func() error { return m.End(t.Context(), id) },
		"Begin": func() error { _, err := m.Begin(t.Context(), id, session.ReadOnly); return err },
	} {
		if err := call(); !redis.IsTryAgainError(err) || !strings.Contains(err.Error(), "redis-cli --cluster fix") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Neither can a session be read there that must not outlive MaxLifetime.
	short := mustOpen(t, session.Config{Addrs: r.cluster.Addrs(), Cluster: true}, session.Options{App: "shop", MaxLifetime: time.Hour})
	other := saved(t, short, "n", 1)
	r.move(t, other, "Data")
	if _, err := short.Begin(t.Context(), other, session.ReadOnly); !redis.IsTryAgainError(err) {
		t.Errorf("with MaxLifetime: %v", err)
	}
	complete()
	if n := get[int](t, view(t, m, id), "n"); n != 1 {
		t.Errorf("n is %d", n)
	}
}
