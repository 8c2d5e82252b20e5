package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A page of a user's devices gets the values that it names, of all sessions, in two round trips, and
// keeps none of them alive.
func TestDevices(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		m := r.ManagerOn(client, session.Options{EncryptionKeys: []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}})
		const browser, city session.Key[string] = "browser", "city"
		ids := []string{
			signIn(t, m, "ann", "browser", "Firefox", "city", "Bern", "cart", strings.Repeat("x", 1000)),
			signIn(t, m, "ann", "browser", "Safari"),
			signIn(t, m, "ann", "cart", "y"),
		}
		signIn(t, m, "bob", "browser", "Chrome")
		check := func(infos []session.Info) {
			t.Helper()
			for i, want := range []string{"Firefox in Bern", "Safari in ", " in "} {
				s := infos[i].Session
				if got := browser.GetOr(s, "") + " in " + city.GetOr(s, ""); got != want || infos[i].Handle != handleOf(ids[i]) {
					t.Errorf("device %d is %q, want %q", i, got, want)
				}
				if s.Has("cart") || s.Principal() != "ann" || s.AuthenticatedAt() != infos[i].AuthenticatedAt || s.ID() != "" {
					t.Error("it has more than was asked for, or knows less")
				}
				s.Set("n", 1)
				wantErr(t, s.Err(), session.ErrReadOnly)
			}
		}
		_, _ = m.SessionsOf(t.Context(), "ann") // loads the scripts
		client.AddHook(count)
		infos, err := m.SessionsOf(t.Context(), "ann", "browser", "city")
		if err != nil || len(infos) != 3 || count.N.Load() != 2 {
			t.Fatalf("%d devices in %d round trips, %v", len(infos), count.N.Load(), err)
		}
		check(infos)
		all := make([]session.Info, 3)
		n := 0
		for info, err := range m.Sessions(t.Context(), "city", "browser") {
			if err != nil {
				t.Fatal(err)
			}
			n++
			for i, id := range ids {
				if info.Handle == handleOf(id) {
					all[i] = info
				}
			}
		}
		if n != 4 {
			t.Fatalf("%d sessions of 4", n)
		}
		check(all)
		infos, err = m.SessionsOf(t.Context(), "ann")
		if err != nil || infos[0].Session.Len() != 0 {
			t.Errorf("not asked for, there are %d values: %v", infos[0].Session.Len(), err)
		}
		for _, key := range []string{"", "_berth", "_berth_secret"} {
			if _, err := m.SessionsOf(t.Context(), "ann", key); err == nil {
				t.Errorf("took the key %q", key)
			}
			for _, err := range m.Sessions(t.Context(), key) {
				if err == nil {
					t.Errorf("took the key %q", key)
				}
			}
		}
		if _, err := m.SessionsOf(t.Context(), "ann", make([]string, 1001)...); err == nil {
			t.Error("took 1001 keys")
		}
	})
}

// What is set as a flash message is seen once.
func TestPop(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var told []error
		m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(_ context.Context, err error) { told = append(told, err) }}})
		const flashes session.Key[[]string] = "flash"
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		flashes.Set(s, append(flashes.GetOr(s, nil), "saved"))
		flashes.Set(s, append(flashes.GetOr(s, nil), "sent"))
		commit(t, s)
		s = begin(t, m, id, session.Shared)
		if got := strings.Join(flashes.Pop(s), ", "); got != "saved, sent" {
			t.Errorf("seen %q", got)
		}
		if got := flashes.Pop(s); got != nil {
			t.Errorf("seen again: %q", got)
		}
		commit(t, s)
		s = begin(t, m, id, session.ReadOnly)
		if got := flashes.Pop(s); got != nil || s.Err() != nil {
			t.Errorf("a reader sees %q, %v", got, s.Err())
		}
		commit(t, s)

		s = begin(t, m, id, session.Exclusive)
		s.Set("flash", 1)
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		var failed *session.ValueError
		if got := flashes.Pop(s); got != nil || len(told) != 1 || !errors.As(told[0], &failed) {
			t.Errorf("of another type: %q, told %v", got, told)
		}
		commit(t, s)
		s = begin(t, m, id, session.ReadOnly)
		if get[int](t, s, "flash") != 1 {
			t.Error("what cannot be decoded is gone")
		}
		if got := session.Pop[int](s, "flash"); got != 1 || !errors.Is(s.Err(), session.ErrReadOnly) {
			t.Errorf("a reader takes %d, %v", got, s.Err())
		}
		s.Rollback(t.Context())
	})
}

// Of several goroutines of a handler, one gets the message.
func TestPopInGoroutines(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "flash", "saved")
		s := begin(t, m, id, session.Exclusive)
		var all sync.WaitGroup
		var seen atomic.Int64
		for range 16 {
			all.Go(func() {
				if session.Pop[string](s, "flash") != "" {
					seen.Add(1)
				}
			})
		}
		all.Wait()
		if n := seen.Load(); n != 1 {
			t.Errorf("seen %d times", n)
		}
		commit(t, s)
		if view(t, m, id).Has("flash") {
			t.Error("it is still there")
		}
	})
}

func TestPing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		if err := m.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if m.Client().PoolStats() == nil {
			t.Error("no figures of the pool")
		}
		_ = m.Close()
		wantErr(t, m.Ping(t.Context()), session.ErrClosed)
	})
}

// A ping asks once, and what fails is the caller's alone.
func TestPingFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Hour})
		f.Then(refuse)
		var failed *session.OpError
		if err := m.Ping(t.Context()); !errors.As(err, &failed) || failed.Op != "ping" {
			t.Errorf("Redis is gone: %v", err)
		}
		if _, err := m.LastError(); err != nil || m.Stats().Errors != 0 {
			t.Errorf("a ping is counted: %v", err)
		}
	})
}

// Who cannot save sessions is not ready.
func TestPingOfAServerThatRefusesWrites(t *testing.T) {
	t.Parallel()
	server, r := withServer(t)
	m := r.Manager(session.Options{})
	wantErr(t, m.Ping(t.Context()), nil)
	if err := r.Client.Do(t.Context(), "REPLICAOF", "127.0.0.1", strings.TrimPrefix(server.Addr(), "127.0.0.1:")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := m.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("a replica of itself: %v", err)
	}
	if err := r.Client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, m.Ping(t.Context()), nil)
	if !r.Since(7, 0) { // scripts of Redis 6 write all the same
		return
	}
	if err := r.Client.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := m.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "NOREPLICAS") {
		t.Errorf("too few replicas: %v", err)
	}
}
