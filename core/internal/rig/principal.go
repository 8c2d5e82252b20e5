package rig

import (
	"context"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// SignIn makes a session of a principal with some values, as [Saved] takes them, and returns its ID.
func SignIn(t *testing.T, m *session.Manager, principal string, pairs ...any) string {
	t.Helper()
	s := Begin(t, m, "", session.Exclusive)
	s.SetPrincipal(principal)
	for i := 0; i < len(pairs); i += 2 {
		s.Set(pairs[i].(string), pairs[i+1])
	}
	Commit(t, s)
	return s.ID()
}

// Rotate gives a session another ID, and returns it.
func Rotate(t *testing.T, m *session.Manager, id string) string {
	t.Helper()
	s := Begin(t, m, id, session.Exclusive)
	s.Rotate()
	Commit(t, s)
	return s.ID()
}

// HandlesOf are those of a principal's sessions, oldest first.
func HandlesOf(t *testing.T, m *session.Manager, principal string) []string {
	t.Helper()
	infos, err := m.SessionsOf(context.Background(), principal)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, info := range infos {
		list = append(list, info.Handle)
	}
	return list
}

// Lives tells whether an ID opens a session.
func Lives(t *testing.T, m *session.Manager, id string) bool {
	t.Helper()
	s := View(t, m, id)
	return !s.IsNew() && !s.Detached()
}

// IsOf tells whether an ID opens a session of a principal.
func IsOf(t *testing.T, m *session.Manager, id, principal string) bool {
	t.Helper()
	return View(t, m, id).Principal() == principal
}

// PrincipalKey returns the key of a principal's index.
func (r *Rig) PrincipalKey(principal string) string {
	return "{" + r.App + "_Principal_" + principal + "}"
}
