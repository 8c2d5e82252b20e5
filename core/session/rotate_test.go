package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A rotation is a field in the commit that it belongs to: the handle, the keys and what is in
// them stay.
func TestRotate(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		old := saved(t, m, "n", 1, "list", []int{1})
		s := begin(t, m, old, session.Exclusive)
		s.SetTimeout(time.Hour)
		commit(t, s)
		created, handle := s.CreatedAt(), s.Handle()

		s = begin(t, m, old, session.Exclusive)
		s.Rotate()
		s.Set("n", 2)
		get[[]int](t, s, "list")[0] = 2
		if s.ID() != old {
			t.Error("the ID changed before the commit")
		}
		commit(t, s)
		id := s.ID()
		if id == old || len(id) != 53 || handleOf(id) != handleOf(old) || s.Handle() != handle || handle != handleOf(id) {
			t.Fatal("the new ID is not the old handle with a new secret")
		}
		s = view(t, m, id)
		if get[int](t, s, "n") != 2 || get[[]int](t, s, "list")[0] != 2 || !s.CreatedAt().Equal(created.Truncate(time.Millisecond)) {
			t.Error("the session lost something")
		}
		if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl < 59*time.Minute {
			t.Errorf("its own time-out is gone: %v", ttl)
		}
		if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Rotated")).Val(); ttl > time.Minute || ttl < 50*time.Second {
			t.Errorf("the old proof is remembered for %v", ttl)
		}
		if r.HGet(id, "_berth_secret") != session.Proof(id) {
			t.Error("the proof in Redis is not the new ID's")
		}
		if keys := r.Keys(); len(keys) != 2 {
			t.Errorf("keys are %v", keys)
		}
	})
}

// For a minute an old ID gets a detached session, which can
// neither revive the old session nor take the new cookie away.
func TestRetiredIDs(t *testing.T) {
	for name, retire := range map[string]func(t *testing.T, m *session.Manager, id string){
		"rotated": func(t *testing.T, m *session.Manager, id string) { rotate(t, m, id) },
		"signed in": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal("ann")
			commit(t, s)
			if s.ID() == id || view(t, m, s.ID()).Principal() != "ann" {
				t.Error("SetPrincipal did not rotate")
			}
		},
		"rotated twice": func(t *testing.T, m *session.Manager, id string) { rotate(t, m, rotate(t, m, id)) },
		"abandoned": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Exclusive)
			s.Abandon()
			commit(t, s)
		},
		"abandoned under Shared": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Shared)
			s.Abandon()
			commit(t, s)
		},
		"rotated and abandoned": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, rotate(t, m, id), session.Exclusive)
			s.Abandon()
			commit(t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				told := 0
				m := r.Manager(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { told++ }}})
				id := saved(t, m, "n", 1)
				retire(t, m, id)
				keys := len(r.Keys())
				for range 2 {
					for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
						s := begin(t, m, id, access)
						if !s.Detached() || s.IsNew() || s.Len() != 0 || s.ID() != "" || s.Handle() != "" || s.Err() != nil || s.PreviousEnd() != "" {
							t.Errorf("%v: not detached", access)
						}
						if access != session.ReadOnly {
							s.Set("n", 5)
							s.SetTimeout(time.Hour)
							told = 0
							commit(t, s)
							if told != 1 {
								t.Errorf("%v: what was lost is reported %d times", access, told)
							}
						}
						s.Rollback(context.Background())
						if len(r.Keys()) != keys {
							t.Errorf("%v: left %v", access, r.Keys())
						}
					}
					wantErr(t, m.End(context.Background(), id), session.ErrUnknown)
					time.Sleep(59 * time.Second)
				}
				if s := begin(t, m, id, session.Exclusive); s.Detached() || !s.IsNew() {
					t.Error("after a minute the ID is still retired")
				}
			})
		})
	}
}

// Only a request that itself signs in makes a real session of a retired one.
func TestSignInWithARetiredID(t *testing.T) {
	for name, retire := range map[string]func(t *testing.T, m *session.Manager, id string){
		"rotated": func(t *testing.T, m *session.Manager, id string) { rotate(t, m, id) },
		"abandoned": func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Shared)
			s.Abandon()
			commit(t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				id := saved(t, m, "n", 1)
				retire(t, m, id)
				s := begin(t, m, id, session.Exclusive)
				s.Set("cart", 1)
				s.SetPrincipal("bob")
				if s.Detached() || !s.IsNew() {
					t.Error("still detached")
				}
				commit(t, s)
				if s.Handle() == handleOf(id) || s.ID() == "" {
					t.Fatal("not saved under a new ID")
				}
				s = view(t, m, s.ID())
				if s.Principal() != "bob" || get[int](t, s, "cart") != 1 || s.Has("n") {
					t.Error("the new session is not what was signed in to")
				}
				s = begin(t, m, id, session.ReadOnly)
				s.SetPrincipal("bob")
				if !s.Detached() {
					t.Error("ReadOnly made a session")
				}
			})
		})
	}
}

func TestSetPrincipal(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m)
		// The principal may be anything, also what looks like a format.
		for _, principal := range []string{"ann", "ann@example.com with spaces\nand 1 2 3", "", "retired", "}_Data"} {
			before := id
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal(principal)
			commit(t, s)
			id = s.ID()
			if id == before {
				t.Errorf("%q: the ID did not change", principal)
			}
			s = begin(t, m, id, session.Shared)
			s.Set("n", principal)
			if s.Principal() != principal {
				t.Errorf("the principal is %q, want %q", s.Principal(), principal)
			}
			commit(t, s)
			s = begin(t, m, id, session.Exclusive)
			s.SetPrincipal("else")
			s.SetPrincipal(principal)
			if s.Principal() != principal {
				t.Errorf("after a merge the principal is %q, want %q", s.Principal(), principal)
			}
			s.Rollback(context.Background())
			s = begin(t, m, id, session.Exclusive)
			s.SetPrincipal(principal)
			commit(t, s)
			if s.ID() != id {
				t.Errorf("%q: setting the same principal rotated", principal)
			}
		}
	})
}

func TestRotateNeedsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		for name, change := range map[string]func(s *session.Session){
			"Rotate":       func(s *session.Session) { s.Rotate() },
			"SetPrincipal": func(s *session.Session) { s.SetPrincipal("ann") },
		} {
			s := begin(t, m, id, session.Shared)
			s.Set("n", 2)
			change(s)
			if err := s.Commit(context.Background()); err == nil || !strings.Contains(err.Error(), "Exclusive") {
				t.Errorf("%s: %v", name, err)
			}
			if get[int](t, view(t, m, id), "n") != 1 {
				t.Errorf("%s: something was written", name)
			}
		}
	})
}
