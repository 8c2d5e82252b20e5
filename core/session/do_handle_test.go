package session_test

import (
	"context"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// Outside a request nobody would hear of a new ID, so there is none.
func TestNoNewIDOutsideARequest(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := signIn(t, m, "ann")
		for name, change := range map[string]func(s *session.Session){
			"Rotate":          (*session.Session).Rotate,
			"Reauthenticated": (*session.Session).Reauthenticated,
			"SetPrincipal":    func(s *session.Session) { s.SetPrincipal("bob") },
		} {
			f := func(s *session.Session) error { change(s); return nil }
			if err := m.Do(ctx, id, session.Exclusive, f); err == nil {
				t.Errorf("Do: %s is no error", name)
			}
			if err := m.DoHandle(ctx, handleOf(id), session.Exclusive, f); err == nil {
				t.Errorf("DoHandle: %s is no error", name)
			}
		}
		if !isOf(t, m, id, "ann") {
			t.Error("the session was changed")
		}
		var made *session.Session
		err := m.Do(ctx, "", session.Exclusive, func(s *session.Session) error { s.SetPrincipal("ann"); made = s; return nil })
		if err != nil || !isOf(t, m, made.ID(), "ann") {
			t.Errorf("of a new session it is allowed: %v", err)
		}
	})
}

// A job that knows the handle works on the session like a request, and can end it.
func TestDoHandle(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, other := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, m, "n", 0)
		handle := handleOf(id)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				m := []*session.Manager{m, other}[i%2]
				if i%4 < 2 {
					increment(t, m, id)
					return
				}
				err := m.DoHandle(ctx, handle, session.Exclusive, func(s *session.Session) error {
					n, err := session.Get[int](s, "n")
					s.Set("n", n+1)
					if s.ID() != "" || s.Handle() != handle {
						t.Error("it has an ID, or another handle")
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := get[int](t, view(t, m, id), "n"); n != 20 {
			t.Errorf("n is %d, want 20", n)
		}
		err := m.DoHandle(ctx, handle, session.Shared, func(s *session.Session) error { s.SetCompanion("c"); return nil })
		if proof, _ := r.CompanionProof(id); err != nil || proof != session.Proof(id) {
			t.Errorf("the companion has another proof (%v)", err)
		}
		if err := m.DoHandle(ctx, handle, session.Shared, func(s *session.Session) error { s.Abandon(); return nil }); err != nil || lives(t, m, id) {
			t.Errorf("Abandon: %v", err)
		}
		for _, unknown := range []string{id, "", "x", handleOf(session.NewID())} {
			wantErr(t, m.DoHandle(ctx, unknown, session.Shared, nil), session.ErrUnknown)
			wantErr(t, m.EndHandle(ctx, unknown), session.ErrUnknown)
		}
		wantErr(t, m.DoHandle(ctx, handle, session.Shared, nil), session.ErrEnded)
		id = saved(t, m)
		if err := m.EndHandle(ctx, handleOf(id)); err != nil || lives(t, m, id) {
			t.Errorf("EndHandle: %v", err)
		}
		wantErr(t, m.DoHandle(ctx, handleOf(id), session.Shared, nil), session.ErrEnded)
	})
}

// In DoHandle, SetPrincipal is an error after Abandon too: no client would hear of the session.
func TestDoHandleSignsNobodyIn(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxPerPrincipal: 1})
		ann := signIn(t, m, "ann")
		id := saved(t, m)
		err := m.DoHandle(context.Background(), handleOf(id), session.Exclusive, func(s *session.Session) error {
			s.Abandon()
			s.SetPrincipal("ann")
			return nil
		})
		if !lives(t, m, ann) {
			t.Errorf("DoHandle (%v) has replaced ann's session by one that nobody can open", err)
		}
	})
}
