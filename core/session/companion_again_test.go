package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// A companion is there once the commit that creates it has succeeded, and not before the
// session knows of it: so a commit that fails leaves none, and one that failed between the
// two creates it the second time.
func TestCompanionAfterAFailedCommit(t *testing.T) {
	for name, c := range map[string]struct {
		plan  []step
		again func(s *session.Session)
		want  string
	}{
		"session refused, the same":    {[]step{refuse}, func(*session.Session) {}, "first"},
		"session refused, another":     {[]step{refuse}, func(s *session.Session) { s.SetCompanion("second") }, "first"},
		"reply lost, the same":         {[]step{lose}, func(*session.Session) {}, "first"},
		"companion refused, the same":  {[]step{pass, refuse}, func(*session.Session) {}, "first"},
		"companion's reply lost":       {[]step{pass, lose}, func(*session.Session) {}, "first"},
		"session refused, rolled back": {[]step{refuse}, nil, ""},
	} {
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			t.Run(name+"/"+access.String(), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					m, f := r.Faulty(session.Options{})
					r.WarmUpOnly(m)
					id := saved(t, m, "n", 1)
					s := begin(t, m, id, access)
					s.SetCompanion("first")
					f.Then(c.plan...)
					if s.Commit(context.Background()) == nil || !f.Used() {
						t.Fatal("nothing has failed")
					}
					if c.again != nil {
						c.again(s)
						commit(t, s)
					}
					s.Rollback(context.Background())
					time.Sleep(5 * time.Second)
					if value, _ := r.Companion(id); value != c.want {
						t.Errorf("the companion is %q, want %q", value, c.want)
					}
				})
			})
		}
	}
}

// Nor does one whose reply was lost, be it to the companion or to the end of the session.
func TestCompanionOfALostReply(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("c")
		f.Then(pass, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if err := other.End(context.Background(), id); err != nil {
				t.Error(err)
			}
			return lose(ctx, cmd, next)
		})
		if s.Commit(context.Background()) == nil {
			t.Error("nothing has failed")
		}
		s.Rollback(context.Background())

		s = begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		commit(t, s)
		f.Then(lose)
		if m.End(context.Background(), s.ID()) == nil {
			t.Error("nothing has failed")
		}
		time.Sleep(5 * time.Second)
		if !r.NoCompanion(id) || !r.NoCompanion(s.ID()) {
			t.Error("a companion is there")
		}
	})
}

// Nor does a new session that ends before its companion is there, or one that makes room for a
// newer one while a reply is lost.
func TestCompanionOfASessionThatEndsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{MaxPerPrincipal: 1})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("the companion")
		on.Arm("the companion", before(func() {
			for info, err := range other.Sessions(context.Background()) {
				if err != nil || info.End(context.Background()) != nil {
					t.Error("not ended")
				}
			}
		}))
		commit(t, s)
		if !r.NoCompanion(s.ID()) || !on.Done() {
			t.Error("the companion of a new session is there")
		}

		s = begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("c")
		commit(t, s)
		newer := begin(t, m, "", session.Exclusive)
		newer.SetPrincipal("ann")
		on.Arm(r.Key(s.ID(), "Ended"), lose)
		if newer.Commit(context.Background()) == nil || !on.Done() {
			t.Fatal("nothing has failed")
		}
		commit(t, newer)
		time.Sleep(5 * time.Second)
		if !r.NoCompanion(s.ID()) || lives(t, m, s.ID()) {
			t.Error("the companion of a session that made room is there")
		}
	})
}

// The figures of SetCompanion's doc.
func TestRoundTripsOfACompanion(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, c := r.NewClient(), &trips{}
		m := r.ManagerOn(client, session.Options{})
		warm := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		warm.SetCompanion("c")
		commit(t, warm)
		id := saved(t, m, "n", 1)
		client.AddHook(c)
		for i, want := range []struct{ begin, commit int64 }{{1, 3}, {2, 2}} {
			c.N.Store(0)
			s := begin(t, m, id, session.Exclusive)
			if n := c.N.Load(); n != want.begin {
				t.Errorf("request %d: %d round trips to begin, want %d", i, n, want.begin)
			}
			if i == 0 {
				s.SetCompanion("c")
			}
			c.N.Store(0)
			commit(t, s)
			if n := c.N.Load(); n != want.commit {
				t.Errorf("request %d: %d round trips to commit, want %d", i, n, want.commit)
			}
		}
	})
}

// Of a session that ends between a commit and the creation of its companion, none stays, even
// if Redis cannot be reached right then.
func TestCompanionOfASessionThatEndsMeanwhile(t *testing.T) {
	for name, then := range map[string]step{"at once": pass, "later": refuse} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, f := r.Faulty(session.Options{})
				other := r.Manager(session.Options{})
				r.WarmUpOnly(m)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				s.SetCompanion("c")
				f.Then(pass, before(func() {
					if err := other.End(context.Background(), id); err != nil {
						t.Error(err)
					}
				}), then)
				commit(t, s)
				if name == "later" {
					time.Sleep(5 * time.Second)
				}
				if !r.NoCompanion(id) || !f.Used() {
					t.Error("the companion is there")
				}
			})
		})
	}
}

// Whoever abandons a session whose reply is lost leaves no companion.
func TestCompanionOfALostAbandon(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		r.WarmUpOnly(m)
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		commit(t, s)
		id := s.ID()
		s = begin(t, m, id, session.Exclusive)
		s.Abandon()
		failCommit(t, s, f, lose)
		s.Rollback(context.Background())
		time.Sleep(5 * time.Second)
		if !r.NoCompanion(id) {
			t.Error("the companion is there")
		}
	})
}

// A commit that fails spares the companion that another is about to commit.
func TestCompanionInTheMaking(t *testing.T) {
	for name, plan := range map[string][]step{
		"refused":             {refuse},
		"reply lost":          {lose},
		"session not written": {pass, refuse},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, f := r.Faulty(session.Options{})
				other, g := r.Faulty(session.Options{})
				r.WarmUpOnly(m)
				r.WarmUpOnly(other)
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Shared)
				s.SetCompanion("c")
				f.Then(pass, before(func() {
					o := begin(t, other, id, session.Shared)
					o.SetCompanion("d")
					g.Then(plan...)
					if o.Commit(context.Background()) == nil || !g.Used() {
						t.Error("nothing has failed")
					}
					o.Rollback(context.Background())
					time.Sleep(5 * time.Second)
				}))
				commit(t, s)
				if value, _ := r.Companion(id); value != "c" {
					t.Errorf("the companion is %q", value)
				}
			})
		})
	}
}
