package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestSharedMergesFieldByField(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "a", 1, "b", 1, "c", 1)
		one, two := begin(t, m, id, session.Shared), begin(t, m, id, session.Shared)
		one.Set("a", 2)
		two.Set("b", 2)
		one.SetTimeout(time.Hour)
		two.Delete("c")
		commit(t, one)
		commit(t, two)
		s := view(t, m, id)
		if get[int](t, s, "a") != 2 || get[int](t, s, "b") != 2 || s.Has("c") {
			t.Error("a commit undid the other")
		}
		if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl < 50*time.Minute {
			t.Errorf("the time-out that the first set was lost: %v", ttl)
		}
	})
}

func TestReadOnlyRefusesChanges(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "a", 1)
		for name, change := range map[string]func(*session.Session){
			"Set":          func(s *session.Session) { s.Set("a", 2) },
			"Delete":       func(s *session.Session) { s.Delete("a") },
			"Clear":        func(s *session.Session) { s.Clear() },
			"Rotate":       func(s *session.Session) { s.Rotate() },
			"Abandon":      func(s *session.Session) { s.Abandon() },
			"SetTimeout":   func(s *session.Session) { s.SetTimeout(time.Hour) },
			"SetPrincipal": func(s *session.Session) { s.SetPrincipal("ann") },
		} {
			s := begin(t, m, id, session.ReadOnly)
			change(s)
			wantErr(t, s.Err(), session.ErrReadOnly)
			err := s.Commit(context.Background())
			wantErr(t, err, session.ErrReadOnly)
			if !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name %s: %v", name, err)
			}
			if get[int](t, s, "a") != 1 {
				t.Errorf("%s took effect", name)
			}
		}
	})
}

// ReadOnly takes no lock and waits for none, and sees a whole session.
func TestReadOnlyBesideExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "a", 1, "b", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", 2)
		s.Set("b", 2)
		reader := view(t, m, id)
		if get[int](t, reader, "a") != 1 || get[int](t, reader, "b") != 1 {
			t.Error("saw changes that are not committed")
		}
		commit(t, s)
		reader = view(t, m, id)
		if get[int](t, reader, "a") != 2 || get[int](t, reader, "b") != 2 {
			t.Error("did not see the commit")
		}
	})
}

func TestNoneIsDetached(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "a", 1)
		s := begin(t, m, id, session.None)
		if !s.Detached() || s.Len() != 0 || s.ID() != "" || s.IsNew() {
			t.Error("None looked at the session")
		}
		s.Set("b", 1)
		if get[int](t, s, "b") != 1 {
			t.Error("a detached session does not work like any other")
		}
		commit(t, s)
		for name, change := range map[string]func(s *session.Session){
			"SetPrincipal": func(s *session.Session) { s.SetPrincipal("ann") },
			"Rotate":       (*session.Session).Rotate,
			"Abandon":      (*session.Session).Abandon,
		} {
			s := begin(t, m, id, session.None)
			change(s)
			if err := s.Commit(context.Background()); err == nil || !strings.Contains(err.Error(), "None") {
				t.Errorf("%s: error is %v", name, err)
			}
		}
		if got := view(t, m, id); got.Has("b") || got.Principal() != "" {
			t.Error("a detached session was saved")
		}
	})
}
