package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

func TestRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client, count := r.NewClient(), &trips{}
		m := r.ManagerOn(client, session.Options{})
		id := saved(t, m, "n", 1)
		saved(t, m) // all scripts a request needs are loaded
		begin(t, m, id, session.ReadOnly)
		commit(t, begin(t, m, id, session.Exclusive))
		s := begin(t, m, id, session.Shared)
		s.Set("n", 2)
		commit(t, s)
		s = begin(t, m, id, session.Exclusive)
		s.Rollback(ctx)
		short := begin(t, m, "", session.Exclusive)
		short.Set("n", 1)
		short.SetTimeout(5 * time.Second) // less than LockTTL
		commit(t, short)
		ended := saved(t, m)
		if err := m.End(ctx, ended); err != nil {
			t.Fatal(err)
		}

		unknown := session.NewID()
		// In a cluster each master has scripts of its own: where these sessions are, and, as good
		// as sure, where any new one will be.
		for _, id := range []string{short.ID(), ended, unknown} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				commit(t, begin(t, m, id, access))
			}
		}
		for range 30 {
			saved(t, m)
		}

		client.AddHook(count)
		for _, c := range []struct {
			name   string
			id     string
			access session.Access
			handle func(s *session.Session)
			want   int64
		}{
			{"no cookie", "", session.Exclusive, nil, 0},
			{"malformed cookie", "x", session.Exclusive, nil, 0},
			{"None", id, session.None, func(s *session.Session) { s.Set("n", 1) }, 0},
			{"ReadOnly", id, session.ReadOnly, nil, 1},
			{"Shared, nothing changed", id, session.Shared, nil, 1},
			{"Shared", id, session.Shared, func(s *session.Session) { s.Set("n", 3) }, 2},
			{"Exclusive, nothing changed", id, session.Exclusive, nil, 2},
			{"Exclusive", id, session.Exclusive, func(s *session.Session) { s.Set("n", 4) }, 2},
			{"a short time-out", short.ID(), session.Exclusive, func(s *session.Session) { s.Set("n", 4) }, 2},
			{"a field deleted", id, session.Exclusive, func(s *session.Session) { s.Delete("n") }, 2},
			{"unknown", unknown, session.Exclusive, nil, 1},
			{"ended", ended, session.Exclusive, nil, 1},
			{"unknown, to read", unknown, session.ReadOnly, nil, 1},
			{"ended, to read", ended, session.ReadOnly, nil, 1},
			{"a new session", "", session.Exclusive, func(s *session.Session) { s.Set("n", 4) }, 1},
		} {
			count.N.Store(0)
			s := begin(t, m, c.id, c.access)
			if c.handle != nil {
				c.handle(s)
			}
			commit(t, s)
			s.Rollback(ctx)
			commit(t, s)
			if got := count.N.Load(); got != c.want {
				t.Errorf("%s: %d round trips, want %d", c.name, got, c.want)
			}
		}
	})
}

// Somebody who waits costs who holds the session nothing, nor does it cost more than a
// call not to wait.
func TestRoundTripsOfContention(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		m, other := r.ManagerOn(client, session.Options{}), r.Manager(session.Options{})
		impatient := r.ManagerOn(client, session.Options{LockWait: -1})
		warmUp(t, m)
		warmUp(t, other)
		id := saved(t, m)
		hold := func() *session.Session {
			s := begin(t, other, id, session.Exclusive)
			_, err := impatient.Begin(context.Background(), id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
			return s
		}
		commit(t, hold())
		client.AddHook(count)
		s := hold()
		if n := count.N.Load(); n != 1 {
			t.Errorf("to learn that a session is held took %d round trips", n)
		}
		commit(t, s)

		s = begin(t, m, id, session.Exclusive)
		done := make(chan struct{})
		go func() {
			defer close(done)
			commit(t, begin(t, other, id, session.Exclusive))
		}()
		until(t, "somebody waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		s.Set("n", 2)
		count.N.Store(0)
		commit(t, s)
		if n := count.N.Load(); n != 1 {
			t.Errorf("a commit took %d round trips as somebody waited", n)
		}
		<-done
	})
}

// A request without a lease does not shorten the life of a session that another one holds, however
// long the lease is.
func TestNobodyShortensAHeldSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		for _, timeout := range []time.Duration{5 * time.Second, 15 * time.Second} {
			m := r.Manager(session.Options{LockTTL: time.Minute, Timeout: timeout})
			id := saved(t, m)
			held := begin(t, m, id, session.Exclusive)
			for _, access := range []session.Access{session.ReadOnly, session.Shared} {
				s := begin(t, m, id, access)
				if access == session.Shared {
					s.Set("n", 1)
				}
				commit(t, s)
				if left := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); left < 50*time.Second {
					t.Errorf("after a request with %v access and a timeout of %v, %v are left", access, timeout, left)
				}
			}
			commit(t, held)
		}
	})
}

// What is tested with a clock of its own elsewhere, once more with Redis's.
func TestTimesOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()

	t.Run("idle time-out", func(t *testing.T) {
		t.Parallel()
		m := r.Manager(session.Options{Timeout: 200 * time.Millisecond})
		start := time.Now()
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.SetTimeout(400 * time.Millisecond)
		commit(t, s)
		// To look at it with a begin would keep it alive.
		until(t, "the session expires", func() bool { return !r.Exists(r.Key(id, "Data")) })
		if took := time.Since(start); took < 400*time.Millisecond {
			t.Errorf("expired after %v", took)
		}
		if !begin(t, m, id, session.Exclusive).IsNew() {
			t.Error("there is something left")
		}
	})
	t.Run("LockWait", func(t *testing.T) {
		t.Parallel()
		m, other := r.Manager(session.Options{LockWait: 200 * time.Millisecond}), r.Manager(session.Options{})
		id := saved(t, m)
		for _, holder := range []*session.Manager{m, other} {
			s := begin(t, holder, id, session.Exclusive)
			_, err := m.Begin(ctx, id, session.Exclusive)
			var timeout *session.LockTimeoutError
			if !errors.As(err, &timeout) || timeout.Waited < 200*time.Millisecond {
				t.Errorf("gave up with %v", err)
			}
			commit(t, s)
		}
	})
	t.Run("LockHold", func(t *testing.T) {
		t.Parallel()
		m := r.Manager(session.Options{LockTTL: 200 * time.Millisecond, LockHold: 500 * time.Millisecond})
		start := time.Now()
		s := begin(t, m, saved(t, m), session.Exclusive)
		<-s.Lost()
		if held := time.Since(start); held < 500*time.Millisecond {
			t.Errorf("lost after %v", held)
		}
		until(t, "the lease is free", func() bool { return !r.Exists(r.Key(s.ID(), "Lock")) })
		s.Set("n", 1)
		wantErr(t, s.Commit(ctx), session.ErrLockLost)
	})
}

// A server that goes away and comes back while requests are under way.
func TestRestartUnderRequests(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	ctx := context.Background()
	server, err := redistest.Start(ctx, redistest.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := newRig(t)
	r.At(server.URL())
	m := r.Manager(session.Options{RetryTimeout: 30 * time.Second})
	id := saved(t, m, "n", 1)
	s := begin(t, m, id, session.Exclusive)
	s.Set("n", 2)

	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Commit(ctx) }()
	until(t, "the commit is tried again", func() bool { return m.Stats().Retries > 0 })
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("the commit: %v", err)
	}
	increment(t, m, id)
	if n := get[int](t, view(t, m, id), "n"); n != 3 {
		t.Errorf("n is %d, want 3", n)
	}
}

// An ordinary request does not pay for TrackEnd.
func TestTrackedRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.NewClient(), &trips{}
		m := r.ManagerOn(client, tracked())
		id := saved(t, m, "n", 1)
		commit(t, begin(t, m, id, session.Exclusive))
		begin(t, m, id, session.ReadOnly)
		client.AddHook(count)
		for _, c := range []struct {
			access session.Access
			want   int64
		}{{session.Exclusive, 2}, {session.ReadOnly, 1}, {session.Exclusive, 2}} {
			count.N.Store(0)
			s := begin(t, m, id, c.access)
			if c.access == session.Exclusive {
				s.Set("n", 1+get[int](t, s, "n"))
			}
			commit(t, s)
			if got := count.N.Load(); got != c.want {
				t.Errorf("%v: %d round trips, want %d", c.access, got, c.want)
			}
		}
	})
}
