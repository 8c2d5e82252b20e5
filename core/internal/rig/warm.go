package rig

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

// WarmUp loads the scripts of requests, so that a planned fault meets the call itself.
func WarmUp(t *testing.T, m *session.Manager) {
	t.Helper()
	id := Saved(t, m)
	s := Begin(t, m, id, session.Exclusive)
	s.Set("k", "w")
	Commit(t, s)
	s = Begin(t, m, id, session.Shared)
	s.Set("k", "x")
	Commit(t, s)
	s = Begin(t, m, id, session.Exclusive)
	s.Rotate()
	Commit(t, s)
	Begin(t, m, s.ID(), session.Exclusive).Rollback(context.Background())
}

// WarmUpAt does so where a session is: in a cluster each master has scripts of its own.
func WarmUpAt(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	for _, access := range []session.Access{session.Exclusive, session.Shared} {
		s := Begin(t, m, id, access)
		s.Set("warm", access)
		Commit(t, s)
		s = Begin(t, m, id, access)
		s.Delete("warm")
		Commit(t, s)
	}
}

// WarmUpAll loads the scripts of companions, sign-ins and ends too.
func WarmUpAll(t *testing.T, m *session.Manager) {
	t.Helper()
	WarmUp(t, m)
	s := Begin(t, m, "", session.Exclusive)
	s.SetCompanion("c")
	s.SetPrincipal("warm")
	Commit(t, s)
	s = Begin(t, m, s.ID(), session.Exclusive)
	s.SetTimeout(time.Hour)
	Commit(t, s)
	s = Begin(t, m, s.ID(), session.Exclusive)
	s.Abandon()
	Commit(t, s)
}

// WarmUpOnly is WarmUpAll in a bubble, and leaves no key behind.
func (r *Rig) WarmUpOnly(m *session.Manager) {
	r.T.Helper()
	WarmUpAll(r.T, m)
	synctest.Wait()
	r.Mini.FlushAll() // but not the scripts
}
