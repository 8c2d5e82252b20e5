package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestLifeOfASession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		if !s.IsNew() || s.ID() != "" || s.Detached() || !s.CreatedAt().IsZero() {
			t.Fatal("a new session is not new")
		}
		s.Set("name", "Ann")
		s.Set("n", 41)
		commit(t, s)
		id := s.ID()
		if len(id) != 53 {
			t.Fatalf("the ID has %d characters", len(id))
		}

		s = begin(t, m, id, session.Exclusive)
		if s.IsNew() || s.ID() != id || s.Access() != session.Exclusive || s.Len() != 2 {
			t.Fatal("the session was not found")
		}
		if age := time.Since(s.CreatedAt()); age < 0 || age > time.Minute {
			t.Errorf("created %v ago", age)
		}
		s.Set("n", get[int](t, s, "n")+1)
		s.Delete("name")
		if s.Has("name") || strings.Join(s.Keys(), " ") != "n" {
			t.Errorf("keys are %v", s.Keys())
		}
		commit(t, s)

		s = view(t, m, id)
		if get[int](t, s, "n") != 42 {
			t.Error("the change was not saved")
		}
		_, err := session.Get[string](s, "name")
		wantErr(t, err, session.ErrNoValue)
		if got := len(r.Keys()); got != 1 {
			t.Errorf("%d keys are left", got)
		}
	})
}

func TestNewSessionIsSavedOnlyIfWritten(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		for name, handle := range map[string]func(s *session.Session){
			"untouched":          func(*session.Session) {},
			"read":               func(s *session.Session) { s.Has("a") },
			"set and deleted":    func(s *session.Session) { s.Set("a", 1); s.Delete("a") },
			"set and cleared":    func(s *session.Session) { s.Set("a", 1); s.Clear() },
			"time-out only":      func(s *session.Session) { s.SetTimeout(time.Hour) },
			"rotated":            func(s *session.Session) { s.Rotate() },
			"set and abandoned":  func(s *session.Session) { s.Set("a", 1); s.Abandon() },
			"principal and back": func(s *session.Session) { s.SetPrincipal("ann"); s.SetPrincipal("") },
		} {
			s := begin(t, m, "", session.Exclusive)
			handle(s)
			commit(t, s)
			if s.ID() != "" || len(r.Keys()) != 0 {
				t.Errorf("%s: was saved", name)
			}
		}
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		if s.ID() == "" || begin(t, m, s.ID(), session.ReadOnly).Principal() != "ann" {
			t.Error("a session with a principal was not saved")
		}
	})
}

func TestRollbackWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		s.Rollback(cancelled)
		s.Rollback(ctx)
		if err := s.Commit(ctx); err == nil {
			t.Error("a commit after a rollback succeeded")
		}
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was not given up")
		}
		if n := get[int](t, view(t, m, id), "n"); n != 1 {
			t.Errorf("n is %d", n)
		}
		if st := m.Stats(); st.RolledBack != 1 {
			t.Errorf("%d were rolled back", st.RolledBack)
		}
	})
}

func TestSealedAfterCommit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var reported []error
		m := r.Manager(session.Options{Hooks: session.Hooks{
			OnError: func(_ context.Context, err error) { reported = append(reported, err) },
		}})
		id := saved(t, m, "a", 1)
		s := begin(t, m, id, session.Exclusive)
		commit(t, s)
		if err := s.Commit(context.Background()); err != nil {
			t.Errorf("a second commit: %v", err)
		}
		s.Set("a", 2)
		wantErr(t, s.Err(), session.ErrSealed)
		wantErr(t, s.Commit(context.Background()), session.ErrSealed)
		if len(reported) == 0 {
			t.Fatal("the late change was lost in silence")
		}
		wantErr(t, reported[0], session.ErrSealed)
		if get[int](t, view(t, m, id), "a") != 1 {
			t.Error("the late change was written")
		}
	})
}
