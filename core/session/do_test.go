package session_test

import (
	"context"
	"testing"

	"github.com/berthgo/berth/core/session"
)

func TestDo(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		inc := func(s *session.Session) error {
			n, err := session.Get[int](s, "n")
			s.Set("n", n+1)
			return err
		}
		if err := m.Do(ctx, id, session.Exclusive, inc); err != nil {
			t.Fatal(err)
		}
		err := m.Do(ctx, id, session.Exclusive, func(s *session.Session) error {
			_ = inc(s)
			return context.DeadlineExceeded
		})
		wantErr(t, err, context.DeadlineExceeded)
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic did not go on")
				}
			}()
			_ = m.Do(ctx, id, session.Exclusive, func(s *session.Session) error {
				_ = inc(s)
				panic("boom")
			})
		}()
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("the lease was not given up")
		}
		if n := get[int](t, view(t, m, id), "n"); n != 2 {
			t.Errorf("n is %d, want 2", n)
		}
	})
}

// Work on a session that is not there is not done, rather than done for nobody.
func TestDoNeedsItsSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		gone := saved(t, m)
		if err := m.End(ctx, gone); err != nil {
			t.Fatal(err)
		}
		keys := len(r.Keys())
		for id, want := range map[string]error{
			session.NewID(): session.ErrUnknown,
			"malformed":     session.ErrUnknown,
			gone:            session.ErrEnded,
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				wantErr(t, m.Do(ctx, id, access, func(*session.Session) error {
					t.Error("f was called")
					return nil
				}), want)
			}
		}
		if len(r.Keys()) != keys {
			t.Errorf("left %v", r.Keys())
		}
		var made string
		err := m.Do(ctx, "", session.Exclusive, func(s *session.Session) error {
			s.Set("n", 1)
			if err := s.Commit(ctx); err != nil {
				return err
			}
			made = s.ID()
			return nil
		})
		if err != nil || get[int](t, view(t, m, made), "n") != 1 {
			t.Errorf("a new one: %v", err)
		}
	})
}

// Do with an ID and None does not call f: nobody has looked whether there is such a session.
func TestDoWithNone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		err := m.Do(context.Background(), session.NewID(), session.None, func(*session.Session) error {
			t.Error("f was called for an ID that nobody has")
			return nil
		})
		if err == nil {
			t.Error("it is no error")
		}
	})
}
