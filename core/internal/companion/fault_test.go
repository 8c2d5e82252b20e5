package companion_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A companion is there once the commit that creates it has succeeded, and not before the
// session knows of it: so a commit that fails leaves none, and one that failed between the
// two creates it the second time.
func TestCompanionAfterAFailedCommit(t *testing.T) {
	for name, c := range map[string]struct {
		plan  []rig.Step
		again func(s *session.Session)
		want  string
	}{
		"session refused, the same":    {[]rig.Step{rig.Refuse}, func(*session.Session) {}, "first"},
		"session refused, another":     {[]rig.Step{rig.Refuse}, func(s *session.Session) { s.SetCompanion("second") }, "first"},
		"reply lost, the same":         {[]rig.Step{rig.Lose}, func(*session.Session) {}, "first"},
		"companion refused, the same":  {[]rig.Step{rig.Pass, rig.Refuse}, func(*session.Session) {}, "first"},
		"companion's reply lost":       {[]rig.Step{rig.Pass, rig.Lose}, func(*session.Session) {}, "first"},
		"session refused, rolled back": {[]rig.Step{rig.Refuse}, nil, ""},
	} {
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			t.Run(name+"/"+access.String(), func(t *testing.T) {
				rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
					m, f := r.Faulty(session.Options{})
					r.WarmUpOnly(m)
					id := rig.Saved(t, m, "n", 1)
					s := rig.Begin(t, m, id, access)
					s.SetCompanion("first")
					f.Then(c.plan...)
					if s.Commit(context.Background()) == nil || !f.Used() {
						t.Fatal("nothing has failed")
					}
					if c.again != nil {
						c.again(s)
						rig.Commit(t, s)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("c")
		f.Then(rig.Pass, func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if err := other.End(context.Background(), id); err != nil {
				t.Error(err)
			}
			return rig.Lose(ctx, cmd, next)
		})
		if s.Commit(context.Background()) == nil {
			t.Error("nothing has failed")
		}
		s.Rollback(context.Background())

		s = rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		f.Then(rig.Lose)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{MaxPerPrincipal: 1})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("the companion")
		on.Arm("the companion", rig.Before(func() {
			for info, err := range other.Sessions(context.Background()) {
				if err != nil || info.End(context.Background()) != nil {
					t.Error("not ended")
				}
			}
		}))
		rig.Commit(t, s)
		if !r.NoCompanion(s.ID()) || !on.Done() {
			t.Error("the companion of a new session is there")
		}

		s = rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("c")
		rig.Commit(t, s)
		newer := rig.Begin(t, m, "", session.Exclusive)
		newer.SetPrincipal("ann")
		on.Arm(r.Key(s.ID(), "Ended"), rig.Lose)
		if newer.Commit(context.Background()) == nil || !on.Done() {
			t.Fatal("nothing has failed")
		}
		rig.Commit(t, newer)
		time.Sleep(5 * time.Second)
		if !r.NoCompanion(s.ID()) || rig.Lives(t, m, s.ID()) {
			t.Error("the companion of a session that made room is there")
		}
	})
}

// Of a session that ends between a commit and the creation of its companion, none stays, even
// if Redis cannot be reached right then.
func TestCompanionOfASessionThatEndsMeanwhile(t *testing.T) {
	for name, then := range map[string]rig.Step{"at once": rig.Pass, "later": rig.Refuse} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m, f := r.Faulty(session.Options{})
				other := r.Manager(session.Options{})
				r.WarmUpOnly(m)
				id := rig.Saved(t, m, "n", 1)
				s := rig.Begin(t, m, id, session.Exclusive)
				s.SetCompanion("c")
				f.Then(rig.Pass, rig.Before(func() {
					if err := other.End(context.Background(), id); err != nil {
						t.Error(err)
					}
				}), then)
				rig.Commit(t, s)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		id := s.ID()
		s = rig.Begin(t, m, id, session.Exclusive)
		s.Abandon()
		rig.FailCommit(t, s, f, rig.Lose)
		s.Rollback(context.Background())
		time.Sleep(5 * time.Second)
		if !r.NoCompanion(id) {
			t.Error("the companion is there")
		}
	})
}

// A commit that fails spares the companion that another is about to commit.
func TestCompanionInTheMaking(t *testing.T) {
	for name, plan := range map[string][]rig.Step{
		"refused":             {rig.Refuse},
		"reply lost":          {rig.Lose},
		"session not written": {rig.Pass, rig.Refuse},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m, f := r.Faulty(session.Options{})
				other, g := r.Faulty(session.Options{})
				r.WarmUpOnly(m)
				r.WarmUpOnly(other)
				id := rig.Saved(t, m, "n", 1)
				s := rig.Begin(t, m, id, session.Shared)
				s.SetCompanion("c")
				f.Then(rig.Pass, rig.Before(func() {
					o := rig.Begin(t, other, id, session.Shared)
					o.SetCompanion("d")
					g.Then(plan...)
					if o.Commit(context.Background()) == nil || !g.Used() {
						t.Error("nothing has failed")
					}
					o.Rollback(context.Background())
					time.Sleep(5 * time.Second)
				}))
				rig.Commit(t, s)
				if value, _ := r.Companion(id); value != "c" {
					t.Errorf("the companion is %q", value)
				}
			})
		})
	}
}

// However long Redis cannot be reached: once it is back, no companion of a session is there that has ended.
func TestCompanionAfterALongOutage(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, m *session.Manager, id string) error{
		"logout": func(t *testing.T, m *session.Manager, id string) error {
			s := rig.Begin(t, m, id, session.Shared)
			defer s.Rollback(context.Background())
			s.Abandon()
			return s.Commit(context.Background())
		},
		"operator": func(_ *testing.T, m *session.Manager, id string) error { return m.End(context.Background(), id) },
		"replaced": func(t *testing.T, m *session.Manager, _ string) error {
			s := rig.Begin(t, m, "", session.Exclusive)
			defer s.Rollback(context.Background())
			s.SetPrincipal("ann")
			return s.Commit(context.Background())
		},
	} {
		for fault, retire := range map[string]rig.Step{"after it": rig.Pass, "before its reply": rig.Lose} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
					m, on := r.Matching(session.Options{MaxPerPrincipal: 1, LockTTL: time.Second, Timeout: time.Hour})
					r.WarmUpOnly(m)
					s := rig.Begin(t, m, "", session.Exclusive)
					s.SetPrincipal("ann")
					s.SetCompanion("the companion")
					rig.Commit(t, s)
					on.Arm(r.Key(s.ID(), "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
						on.Each("", rig.Refuse) // from now on
						return retire(ctx, cmd, next)
					})
					_ = end(t, m, s.ID())
					time.Sleep(10 * time.Minute)
					if !on.Done() || r.NoCompanion(s.ID()) {
						t.Fatal("there is no outage")
					}
					on.Each("", rig.Pass)
					time.Sleep(2 * time.Second)
					if !r.NoCompanion(s.ID()) || rig.Lives(t, m, s.ID()) {
						t.Error("the session has ended, and its companion is there")
					}
				})
			})
		}
	}
}

// A logout that nobody has heard of, and that arrives late, takes the companion along.
func TestCompanionOfALateLogout(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{LockTTL: time.Second, Timeout: time.Hour})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("the companion")
		rig.Commit(t, s)
		var late rig.Latecomers
		on.Arm(r.Key(s.ID(), "Ended"), late.Hold)
		if m.End(context.Background(), s.ID()) == nil {
			t.Fatal("nothing has failed")
		}
		time.Sleep(30 * time.Second)
		if r.NoCompanion(s.ID()) || !rig.Lives(t, m, s.ID()) {
			t.Error("it has ended too early")
		}
		late.Land(t, r)
		time.Sleep(2 * time.Second)
		if !r.NoCompanion(s.ID()) || rig.Lives(t, m, s.ID()) {
			t.Error("the session has ended, and its companion is there")
		}
	})
}
