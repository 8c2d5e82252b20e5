package principal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A session that gets another ID after EndAll has looked at the index is ended too.
func TestEndAllWhileASessionRotates(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		operator, f := r.Faulty(session.Options{})
		id := rig.SignIn(t, m, "ann")
		f.Then(rig.After(func() { id = rig.Rotate(t, m, id) }))
		n, err := operator.EndAll(context.Background(), "ann")
		if rig.IsOf(t, m, id, "ann") {
			t.Errorf("EndAll ended %d (%v), and the session lives", n, err)
		}
	})
}

// The same as it comes, with a session that is rotated all the time.
func TestEndAllRacesRotations(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	ctx := context.Background()
	m, operator := r.Manager(session.Options{}), r.Manager(session.Options{})
	for range 200 {
		id := rig.SignIn(t, m, "ann")
		rotating, last := make(chan struct{}), make(chan string)
		go func() {
			defer func() { last <- id }()
			for i := range 20 {
				s, err := m.Begin(ctx, id, session.Exclusive)
				if i == 0 {
					close(rotating)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if s.Principal() == "" {
					return // ended
				}
				s.Rotate()
				if err := s.Commit(ctx); err != nil {
					if !errors.Is(err, session.ErrEnded) {
						t.Error(err)
					}
					return
				}
				id = s.ID()
			}
		}()
		<-rotating
		n, err := operator.EndAll(ctx, "ann")
		if id := <-last; err != nil || rig.IsOf(t, m, id, "ann") {
			t.Fatalf("EndAll ended %d (%v), and the session lives", n, err)
		}
	}
}

// "Log me out everywhere else" acts at once, and spares this session.
func TestEndOthers(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		own, bob := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "bob")
		others := []string{rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")}
		s := rig.Begin(t, m, own, session.Exclusive)
		if n, err := s.EndOthers(session.NewContext(ctx, s)); n != 2 || err != nil {
			t.Errorf("ended %d (%v), want 2", n, err)
		}
		for _, id := range others {
			if rig.Lives(t, m, id) {
				t.Error("another one lives")
			}
		}
		s.Set("n", 1)
		rig.Commit(t, s)
		if !rig.Lives(t, m, own) || !rig.Lives(t, m, bob) {
			t.Error("ended too much")
		}
		for name, prepare := range map[string]func() *session.Session{
			"of nobody": func() *session.Session { return rig.Begin(t, m, rig.Saved(t, m), session.Exclusive) },
			"during a sign-in": func() *session.Session {
				s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
				s.SetPrincipal("ann")
				return s
			},
			"after a change":        func() *session.Session { s := rig.Begin(t, m, own, session.Exclusive); s.SetPrincipal("bob"); return s },
			"of a new session":      func() *session.Session { s := rig.Begin(t, m, "", session.Exclusive); s.SetPrincipal("ann"); return s },
			"of a detached session": func() *session.Session { return rig.Begin(t, m, own, session.None) },
		} {
			s := prepare()
			if n, err := s.EndOthers(ctx); n != 0 || err == nil {
				t.Errorf("%s: ended %d (%v)", name, n, err)
			}
			s.Rollback(ctx)
		}
		if n, err := m.EndAll(ctx, "ann", own); n != 0 || err == nil || strings.Contains(err.Error(), own[27:]) {
			t.Errorf("an ID is taken for a handle: ended %d (%v)", n, err)
		}
	})
}

// EndOthers of a request whose ID was rotated away, or whose session is another user's by now, ends
// nothing.
func TestEndOthersAfterARotation(t *testing.T) {
	for name, change := range map[string]func(s *session.Session){
		"rotation": (*session.Session).Rotate, "switch": func(s *session.Session) { s.SetPrincipal("bob") },
	} {
		t.Run(name, func(t *testing.T) {
			rig.Each(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(session.Options{})
				stolen, other := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")
				thief := rig.Begin(t, m, stolen, session.Shared) // a slow request
				s := rig.Begin(t, m, stolen, session.Exclusive)
				change(s)
				rig.Commit(t, s)
				n, err := thief.EndOthers(context.Background())
				if !rig.Lives(t, m, other) {
					t.Errorf("ended %d (%v) with an ID that was rotated away", n, err)
				}
				thief.Rollback(context.Background())
			})
		})
	}
}

// EndAll of the old user, in a request that signs in another one, does not undo that.
func TestEndAllOfTheUserBefore(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, rig.SignIn(t, m, "ann"), session.Exclusive)
		ctx := session.NewContext(context.Background(), s)
		s.SetPrincipal("bob")
		if _, err := m.EndAll(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		err := s.Commit(ctx)
		if err == nil && s.Principal() != "bob" {
			t.Errorf("bob was signed in, Commit says nothing, and the session is %q's", s.Principal())
		}
	})
}

// EndAll in a request of one's own session leaves that in the index until it ends: if the commit
// does not come, the next EndAll finds it.
func TestOwnSessionStaysListedUntilItEnds(t *testing.T) {
	for name, give := range map[string]func(t *testing.T, s *session.Session, ctx context.Context, on *rig.Matching){
		"rolled back": func(t *testing.T, s *session.Session, ctx context.Context, on *rig.Matching) { s.Rollback(ctx) },
		"commit fails": func(t *testing.T, s *session.Session, ctx context.Context, on *rig.Matching) {
			on.Each("_Ended", rig.Refuse)
			if s.Finish(ctx) == nil {
				t.Error("nothing has failed")
			}
			s.Rollback(ctx)
			on.Each("", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m, on := r.Matching(session.Options{})
				admin := r.Manager(session.Options{})
				r.WarmUpOnly(m)
				id := rig.SignIn(t, m, "ann")
				s := rig.Begin(t, m, id, session.Exclusive)
				ctx := session.NewContext(context.Background(), s)
				if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				give(t, s, ctx, on)
				time.Sleep(time.Minute)
				n, err := admin.EndAll(context.Background(), "ann")
				if rig.Lives(t, m, id) {
					t.Errorf("EndAll ended %d (%v), and ann's session lives", n, err)
				}
			})
		})
	}
}
