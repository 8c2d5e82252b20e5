//go:build testall

package session_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Who has one session in a slot that stays MIGRATING can use the others, look at them, and sign in.
func TestOthersBesideASlotThatStaysMigrating(t *testing.T) {
	t.Parallel()
	r := startResharding(t)
	config := session.Config{Addrs: r.cluster.Addrs(), Cluster: true}
	m := mustOpen(t, config, session.Options{App: "shop", MaxPerPrincipal: 2})
	stuck := rotate(t, m, signIn(t, m, "ann"))
	own := signIn(t, m, "ann")
	r.move(t, stuck, "Data")

	if infos, err := m.SessionsOf(t.Context(), "ann"); err != nil || len(infos) == 0 {
		t.Errorf("SessionsOf: %d, %v", len(infos), err)
	}
	for name, ids := range map[string]string{"live first": own + "; session=" + stuck, "stuck first": stuck + "; session=" + own} {
		request := session.Request{Headers: http.Header{"Cookie": {"session=" + ids}}}
		if s, err := m.Adapter().Begin(t.Context(), request, session.ReadOnly); err != nil || s.Principal() != "ann" {
			t.Errorf("two cookies, %s: %v", name, err)
		}
	}
	s := begin(t, m, "", session.Exclusive)
	s.SetPrincipal("ann")
	if err := s.Commit(t.Context()); err != nil {
		t.Errorf("a sign-in over MaxPerPrincipal: %v", err)
	}
	s.Rollback(t.Context())

	refusing := mustOpen(t, config, session.Options{App: "shop", MaxPerPrincipal: 3, RefuseOverLimit: true})
	s = begin(t, refusing, "", session.Exclusive)
	s.SetPrincipal("ann")
	if err := s.Commit(t.Context()); err != nil && !errors.Is(err, session.ErrTooManySessions) {
		t.Errorf("a sign-in with RefuseOverLimit: %v", err)
	}
	s.Rollback(t.Context())
}

// What docs/redis.md says of such a slot.
func TestWhatWorksInASlotThatStaysMigrating(t *testing.T) {
	t.Parallel()
	r := startResharding(t)
	config := session.Config{Addrs: r.cluster.Addrs(), Cluster: true}
	m := mustOpen(t, config, session.Options{App: "shop"})
	other := signIn(t, m, "ann")
	stuck := rotate(t, m, signIn(t, m, "ann"))
	r.move(t, stuck, "Data")
	s, err := m.Begin(t.Context(), stuck, session.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	watched, stop := s.Watch(t.Context())
	defer stop()
	if n, err := s.EndOthers(t.Context()); err != nil || n != 1 {
		t.Errorf("EndOthers: %d, %v", n, err)
	}
	if !begin(t, m, other, session.ReadOnly).IsNew() {
		t.Error("the other session lives")
	}
	if _, err := m.Begin(t.Context(), stuck, session.Peek); err != nil {
		t.Errorf("Peek: %v", err)
	}
	if err := m.DoHandle(t.Context(), handleOf(stuck), session.Peek, func(*session.Session) error { return nil }); err != nil {
		t.Errorf("DoHandle with Peek: %v", err)
	}
	if err := m.End(t.Context(), stuck); err != nil {
		t.Fatal(err)
	}
	select {
	case <-watched.Done():
	case <-time.After(20 * time.Second):
		t.Error("who watches the session does not hear that it was ended")
	}
}
