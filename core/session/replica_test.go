package session_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	rigs "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// noSyncDelay has a master send its data to a new replica at once, and not after 5 s.
var noSyncDelay = []string{"--repl-diskless-sync-delay", "0"}

// A replica that does not have a session yet is no proof that there is none: neither one that is behind, nor the
// old master after a failover, to which clients are still connected.
func TestReplicaThatIsBehind(t *testing.T) {
	t.Parallel()
	server, r := rigs.WithServer(t)
	ctx := context.Background()
	m := r.Manager(session.Options{MaxPerPrincipal: 2, RefuseOverLimit: true})
	id := signIn(t, m, "ann")
	held := begin(t, m, id, session.Exclusive)
	held.Set("n", 1)
	shared := begin(t, m, id, session.Shared)
	shared.Set("n", 2)
	handle := held.Handle()
	watched, stop := held.Watch(ctx)
	defer stop()

	direct := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = direct.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	empty, _ := rigs.WithServer(t, noSyncDelay...)
	host, port, err := net.SplitHostPort(empty.Addr())
	must(err)
	must(direct.Do(ctx, "REPLICAOF", host, port).Err())
	rigs.Until(t, "the replica is as empty as its master", func() bool { return direct.DBSize(ctx).Val() == 0 })

	for name, call := range map[string]func() error{
		"Begin Exclusive": func() error { _, err := r.Manager(session.Options{}).Begin(ctx, id, session.Exclusive); return err },
		"Begin Shared":    func() error { _, err := m.Begin(ctx, id, session.Shared); return err },
		"Begin ReadOnly":  func() error { _, err := m.Begin(ctx, id, session.ReadOnly); return err },
		"Begin Peek":      func() error { _, err := m.Begin(ctx, id, session.Peek); return err },
		"Commit":          func() error { return held.Commit(ctx) },
		"Commit Shared":   func() error { return shared.Commit(ctx) },
		"End":             func() error { return m.End(ctx, id) },
		"EndHandle":       func() error { return m.EndHandle(ctx, handle) },
		"EndAll":          func() error { _, err := m.EndAll(ctx, "ann"); return err },
		"SessionsOf":      func() error { _, err := m.SessionsOf(ctx, "ann"); return err },
		"Inspect":         func() error { _, err := m.Inspect(ctx, handle); return err },
		"DoHandle": func() error {
			return m.DoHandle(ctx, handle, session.ReadOnly, func(*session.Session) error { return nil })
		},
	} {
		var failed *session.OpError
		if err := call(); !errors.As(err, &failed) || !strings.Contains(err.Error(), "READONLY") {
			t.Errorf("%s: %v; want that the server is a replica", name, err)
		}
	}
	for range 2 { // when the second look begins, the first has decided
		looks := m.Stats().WatchLooks
		must(direct.Publish(ctx, r.App+"_Watch", handle).Err())
		rigs.Until(t, "the watch looks", func() bool { return watched.Err() != nil || m.Stats().WatchLooks > looks })
	}
	if watched.Err() != nil {
		t.Errorf("the watch has ended: %v", context.Cause(watched))
	}
}

// Nor is what a replica has the truth: a session that has ended, or was changed, on the master it does not follow
// yet. So it answers nobody, also not those who only look.
func TestReplicaThatHasTheSession(t *testing.T) {
	t.Parallel()
	master, r := rigs.WithServer(t, noSyncDelay...)
	ctx := t.Context()
	m := r.Manager(session.Options{})
	id := signIn(t, m, "ann")
	s := begin(t, m, id, session.Peek)

	replica, elsewhere := rigs.WithServer(t)
	direct := redis.NewClient(&redis.Options{Addr: replica.Addr()})
	t.Cleanup(func() { _ = direct.Close() })
	host, port, err := net.SplitHostPort(master.Addr())
	rigs.WantErr(t, err, nil)
	rigs.WantErr(t, direct.Do(ctx, "REPLICAOF", host, port).Err(), nil)
	rigs.Until(t, "the replica has the session", func() bool {
		return direct.Exists(ctx, "{"+r.App+"_"+s.Handle()+"}_Data").Val() == 1
	})
	there := elsewhere.Manager(session.Options{App: r.App})
	for name, call := range map[string]func() error{
		"Begin Exclusive": func() error { _, err := there.Begin(ctx, id, session.Exclusive); return err },
		"Begin Shared":    func() error { _, err := there.Begin(ctx, id, session.Shared); return err },
		"Begin ReadOnly":  func() error { _, err := there.Begin(ctx, id, session.ReadOnly); return err },
		"Begin Peek":      func() error { _, err := there.Begin(ctx, id, session.Peek); return err },
		"SessionsOf":      func() error { _, err := there.SessionsOf(ctx, "ann"); return err },
		"Inspect":         func() error { _, err := there.Inspect(ctx, s.Handle()); return err },
		"DoHandle": func() error {
			return there.DoHandle(ctx, s.Handle(), session.Peek, func(*session.Session) error { return nil })
		},
	} {
		var failed *session.OpError
		if err := call(); !errors.As(err, &failed) || !strings.Contains(err.Error(), "READONLY") {
			t.Errorf("%s: %v; want that the server is a replica", name, err)
		}
	}
}
