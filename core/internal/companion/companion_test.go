package companion_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestCompanion(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Hour})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("not alone")
		rig.Commit(t, s)
		if value, _ := r.Companion(s.ID()); s.ID() == "" || value != "not alone" {
			t.Errorf("a companion alone made no session: %q", value)
		}

		id := rig.Saved(t, m, "n", 1)
		if !r.NoCompanion(id) {
			t.Fatal("a companion that nobody asked for")
		}
		s = rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("first")
		rig.Commit(t, s)
		value, ttl := r.Companion(id)
		if value != "first" || ttl > time.Hour || ttl < 59*time.Minute {
			t.Errorf("the companion is %q, for %v", value, ttl)
		}
		s = rig.Begin(t, m, id, session.Shared)
		s.SetCompanion("second")
		s.SetTimeout(10 * time.Minute)
		rig.Commit(t, s)
		if value, ttl := r.Companion(id); value != "second" || ttl > 10*time.Minute {
			t.Errorf("the companion is %q, for %v: it is replaced, and follows the session", value, ttl)
		}
		if proof, ttl := r.CompanionProof(id); proof != rig.Proof(id) || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("the proof is not the ID's, or lives for %v", ttl)
		}

		s = rig.Begin(t, m, id, session.Exclusive)
		s.Rotate()
		rig.Commit(t, s)
		if value, ttl := r.Companion(s.ID()); value != "second" || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("after a rotation the companion is %q, for %v", value, ttl)
		}
		if proof, _ := r.CompanionProof(id); proof != rig.Proof(s.ID()) {
			t.Error("after a rotation the proof is not the new ID's")
		}

		s = rig.Begin(t, m, s.ID(), session.Exclusive)
		s.Abandon()
		rig.Commit(t, s)
		if !r.NoCompanion(id) {
			t.Error("outlived its abandoned session")
		}

		s = rig.Begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetPrincipal("ann")
		s.SetCompanion("new")
		rig.Commit(t, s)
		if value, _ := r.Companion(s.ID()); value != "new" {
			t.Errorf("of a new session the companion is %q", value)
		}
		if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil || !r.NoCompanion(s.ID()) {
			t.Errorf("outlived EndAll of %d (%v)", n, err)
		}
	})
}

// The TTL of a companion is that of its session, at every moment.
func TestCompanionLivesWithItsSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: time.Minute, MaxLifetime: 10 * time.Minute})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetCompanion("here")
		rig.Commit(t, s)
		id := s.ID()
		same := func(when string) {
			t.Helper()
			_, ttl := r.Companion(id)
			if own := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl-own > time.Millisecond || own-ttl > time.Millisecond {
				t.Errorf("%s the companion lives for %v, the session for %v", when, ttl, own)
			}
		}
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive} {
			time.Sleep(30 * time.Second)
			s := rig.Begin(t, m, id, access)
			same("begun " + access.String())
			if access == session.Exclusive {
				time.Sleep(90 * time.Second)
				same("held")
			}
			time.Sleep(20 * time.Second)
			if access != session.ReadOnly {
				s.Set("n", access)
			}
			rig.Commit(t, s)
			same("committed " + access.String())
		}
		for range 15 {
			time.Sleep(20 * time.Second)
			rig.Commit(t, rig.Begin(t, m, id, session.ReadOnly))
			same("near its MaxLifetime")
		}
		time.Sleep(2 * time.Minute)
		if !r.NoCompanion(id) || r.Exists(r.Key(id, "Data")) {
			t.Error("outlived MaxLifetime")
		}
	})
}

// Held for longer than its timeout, a session keeps its companion.
func TestCompanionLivesWhileHeld(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: 2 * time.Second})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetCompanion("x")
		rig.Commit(t, s)
		s = rig.Begin(t, m, s.ID(), session.Exclusive)
		time.Sleep(8 * time.Second)
		s.Set("n", 2)
		rig.Commit(t, s)
		if value, _ := r.Companion(s.ID()); value != "x" || rig.Get[int](t, rig.View(t, m, s.ID()), "n") != 2 {
			t.Errorf("the companion is %q", value)
		}
	})
}

func TestCompanionThatBelongsToNobody(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("x")
		if err := m.End(ctx, id); err != nil {
			t.Fatal(err)
		}
		rig.WantErr(t, s.Commit(ctx), session.ErrEnded)
		if !r.NoCompanion(id) {
			t.Error("a commit that failed left a companion")
		}

		s = rig.Begin(t, m, rig.Saved(t, m), session.ReadOnly)
		s.SetCompanion("x")
		rig.WantErr(t, s.Commit(ctx), session.ErrReadOnly)
	})
}

// The figures of SetCompanion's doc.
func TestRoundTripsOfACompanion(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		client, c := r.NewClient(), &rig.Trips{}
		m := r.ManagerOn(client, session.Options{})
		warm := rig.Begin(t, m, rig.Saved(t, m, "n", 1), session.Exclusive)
		warm.SetCompanion("c")
		rig.Commit(t, warm)
		id := rig.Saved(t, m, "n", 1)
		client.AddHook(c)
		for i, want := range []struct{ begin, commit int64 }{{1, 3}, {2, 2}} {
			c.N.Store(0)
			s := rig.Begin(t, m, id, session.Exclusive)
			if n := c.N.Load(); n != want.begin {
				t.Errorf("request %d: %d round trips to begin, want %d", i, n, want.begin)
			}
			if i == 0 {
				s.SetCompanion("c")
			}
			c.N.Store(0)
			rig.Commit(t, s)
			if n := c.N.Load(); n != want.commit {
				t.Errorf("request %d: %d round trips to commit, want %d", i, n, want.commit)
			}
		}
	})
}

// A companion that a Shared request made meanwhile goes with the session, and its proof
// changes with the ID.
func TestCompanionOfASharedRequest(t *testing.T) {
	for name, change := range map[string]func(*session.Session){
		"Abandon": (*session.Session).Abandon,
		"Rotate":  (*session.Session).Rotate,
	} {
		t.Run(name, func(t *testing.T) {
			rig.Each(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(session.Options{})
				id := rig.Saved(t, m, "n", 1)
				s := rig.Begin(t, m, id, session.Exclusive)
				shared := rig.Begin(t, m, id, session.Shared)
				shared.SetCompanion("value")
				rig.Commit(t, shared)
				change(s)
				rig.Commit(t, s)
				if name == "Abandon" {
					if !r.NoCompanion(id) {
						t.Error("outlived its session")
					}
					return
				}
				value, _ := r.Companion(id)
				if proof, _ := r.CompanionProof(id); value != "value" || proof != rig.Proof(s.ID()) {
					t.Errorf("the companion is %q, and the new ID opens it: %t", value, proof == rig.Proof(s.ID()))
				}
			})
		})
	}
}
