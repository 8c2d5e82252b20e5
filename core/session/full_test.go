package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// On a server whose memory is full, what ends a session works: logout, End, EndAll, and the handling of
// ends. What needs memory fails, and says why.
func TestFullServer(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]session.Options{
		"plain":   {},
		"tracked": {TrackEnd: true, EndSweep: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := withServer(t)
			ctx := context.Background()
			m := r.Manager(o)
			ids := make([]string, 4)
			for i := range ids {
				s := begin(t, m, "", session.Exclusive)
				s.Set("n", i)
				s.SetPrincipal("ann")
				commit(t, s)
				ids[i] = s.ID()
			}
			if err := r.Client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			s, err := m.Begin(ctx, ids[0], session.Exclusive)
			if !r.Since(7, 0) { // it has no scripts that may run all the same
				wantAnswer(t, err, "OOM")
				return
			}
			if err != nil {
				t.Fatalf("a request does not get its session: %v", err)
			}
			s.Abandon()
			commit(t, s)
			s, err = m.Begin(ctx, ids[1], session.Shared)
			if err != nil {
				t.Fatal(err)
			}
			s.Abandon()
			commit(t, s)
			if err := m.End(ctx, ids[2]); err != nil {
				t.Errorf("End: %v", err)
			}
			if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil {
				t.Errorf("EndAll ended %d: %v", n, err)
			}
			for _, id := range ids {
				if r.Exists(r.Key(id, "Data")) && r.HGet(id, "n") != "" {
					t.Error("a session is left")
				}
			}
			s = begin(t, m, "", session.Exclusive)
			s.Set("n", 1)
			if err := s.Commit(ctx); err == nil {
				t.Error("a new session was saved")
			}
			if !o.TrackEnd {
				return
			}
			var h endings
			stop := startHandling(t, m, &h)
			until(t, "all ends are handled", func() bool { return len(h.Times()) == len(ids) })
			stop()
		})
	}
}

func startHandling(t *testing.T, m *session.Manager, h *endings) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.HandleEnd(ctx, h.Handle); err != nil {
			t.Error(err)
		}
	}()
	return func() { cancel(); <-done }
}

// A full server refuses a commit as a whole, or not at all: no value is saved, and nobody is signed in
// whose sign-in cannot be listed.
func TestFullServerWritesNothing(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]session.Options{"plain": {}, "tracked": {TrackEnd: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := withServer(t)
			ctx := context.Background()
			m := r.Manager(o)
			id := saved(t, m, "n", 1)
			user := signIn(t, m, "ann")
			if err := r.Client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			for change, do := range map[string]func(s *session.Session){
				"a value":        func(s *session.Session) { s.Set("n", 2) },
				"a sign-in":      func(s *session.Session) { s.SetPrincipal("ann") },
				"a long timeout": func(s *session.Session) { s.SetTimeout(time.Hour); s.Set("n", 2) },
			} {
				for _, access := range []session.Access{session.Exclusive, session.Shared} {
					if access == session.Shared && change == "a sign-in" {
						continue
					}
					s, err := m.Begin(ctx, id, access)
					if err != nil && !r.Since(7, 0) {
						wantAnswer(t, err, "OOM")
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					do(s)
					if err := s.Commit(ctx); err == nil {
						t.Errorf("%s, %v: it was saved", change, access)
					}
					s.Rollback(ctx)
				}
			}
			if !r.Since(7, 0) { // it does not even let sessions begin
				if err := r.Client.ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
					t.Fatal(err)
				}
			}
			if v := view(t, m, id); get[int](t, v, "n") != 1 || v.Principal() != "" {
				t.Errorf("n is %d, the principal %q", get[int](t, v, "n"), v.Principal())
			}
			s := begin(t, m, user, session.Exclusive)
			s.SetPrincipal("")
			commit(t, s)
			s = begin(t, m, s.ID(), session.Exclusive)
			s.Delete("n")
			commit(t, s)
		})
	}
}
