package companion_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// From a user to none and back, the companion goes with the values.
func TestCompanionGoesWithTheUser(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.Set("cart", 1)
		s.SetCompanion("from before")
		rig.Commit(t, s)
		s = rig.Begin(t, m, s.ID(), session.Exclusive)
		s.SetPrincipal("")
		s.SetPrincipal("ann")
		rig.Commit(t, s)
		if v := rig.View(t, m, s.ID()); v.Len() != 0 {
			t.Error("values stay")
		}
		if got := r.Client.Get(context.Background(), s.Handle()).Val(); got != "" {
			t.Errorf("the companion stays: %q", got)
		}
	})
}

// ann's companion, made by a Shared request meanwhile, does not get the proof of bob's cookie.
func TestSwitchDropsSharedCompanion(t *testing.T) {
	for _, next := range []string{"bob", ""} {
		t.Run("to "+next, func(t *testing.T) {
			rig.Each(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(session.Options{})
				id := rig.SignIn(t, m, "ann")
				s := rig.Begin(t, m, id, session.Exclusive)
				shared := rig.Begin(t, m, id, session.Shared)
				shared.SetCompanion("I am ann")
				rig.Commit(t, shared)
				s.SetPrincipal(next)
				rig.Commit(t, s)
				value, _ := r.Companion(s.ID())
				if proof, _ := r.CompanionProof(s.ID()); value != "" {
					t.Errorf("signed in as %q, the companion is %q, and the new cookie opens it: %t", next, value, proof == rig.Proof(s.ID()))
				}
			})
		})
	}
}

// Nor where the Shared request writes its companion after the switch.
func TestLateSharedCompanionAfterSwitch(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		other := r.Manager(session.Options{})
		rig.WarmUp(t, m)
		id := rig.SignIn(t, m, "ann")
		next := ""
		s := rig.Begin(t, m, id, session.Shared)
		s.SetCompanion("I am ann")
		on.Arm("I am ann", rig.Before(func() {
			o := rig.Begin(t, other, id, session.Exclusive)
			o.SetPrincipal("bob")
			rig.Commit(t, o)
			next = o.ID()
		}))
		rig.Commit(t, s)
		value, _ := r.Companion(id)
		if proof, _ := r.CompanionProof(id); value != "" {
			t.Errorf("the session is bob's, its companion %q, and bob's cookie opens it: %t", value, proof == rig.Proof(next))
		}
	})
}

// If a call of a change of user fails, the old ID does not open the companion.
func TestOldCookieDuringASwitch(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		clean := r.Manager(session.Options{})
		for range 3 {
			rig.SignIn(t, clean, "bob")
		}
		s := rig.Begin(t, clean, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("I am ann")
		rig.Commit(t, s)
		old := s.ID()
		m, on := r.Matching(session.Options{MaxPerPrincipal: 1})
		rig.WarmUpAll(t, m)
		s = rig.Begin(t, m, old, session.Exclusive)
		s.SetPrincipal("bob")
		on.Each("newest", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if cmd.Name() == "evalsha" {
				return rig.Refuse(ctx, cmd, next) // to enlist it
			}
			return next(ctx, cmd)
		})
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		value, _ := r.Companion(old)
		if proof, _ := r.CompanionProof(old); proof == rig.Proof(old) {
			if err := clean.DoHandle(context.Background(), rig.HandleOf(old), session.ReadOnly, func(s *session.Session) error {
				t.Errorf("ten minutes later: the session is %q's, and the old cookie opens the companion %q", s.Principal(), value)
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
	})
}
