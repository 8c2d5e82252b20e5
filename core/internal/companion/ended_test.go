package companion_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A request that began before the logout does not bring the companion back.
func TestCompanionIsNotRevivedAfterLogout(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("first")
		rig.Commit(t, s)
		late := rig.Begin(t, m, id, session.Shared)
		late.SetCompanion("second")
		logout := rig.Begin(t, m, id, session.Exclusive)
		logout.Abandon()
		rig.Commit(t, logout)
		rig.WantErr(t, late.Commit(context.Background()), session.ErrEnded)
		if value, ttl := r.Companion(id); value != "" {
			t.Errorf("the session has ended, and its companion is %q for %v", value, ttl)
		}
	})
}

// A companion that is written late, after the logout, is not opened by the cookie that was logged
// out.
func TestLateCompanionAfterLogout(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{RetryTimeout: 2 * time.Second})
		rig.WarmUp(t, m)
		id := rig.Saved(t, m)
		rig.WarmUpAt(t, m, id)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("warm")
		rig.Commit(t, s)
		var late rig.Latecomers
		s = rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("I am ann")
		on.Arm("I am ann", late.Hold)
		rig.Commit(t, s)
		out := rig.Begin(t, m, id, session.Exclusive)
		out.Abandon()
		rig.Commit(t, out)
		late.Land(t, r)
		value, ttl := r.Companion(id)
		if proof, _ := r.CompanionProof(id); proof == rig.Proof(id) {
			t.Errorf("logged out, and the cookie opens the companion %q for %v", value, ttl)
		}
	})
}

// A commit that comes too late does not take the companion that the next holder made.
func TestLateCommitLeavesTheCompanion(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{LockHold: time.Second, LockTTL: time.Second})
		id := rig.Saved(t, m, "n", 1)
		late := rig.Begin(t, m, id, session.Exclusive)
		time.Sleep(5 * time.Second) // longer than LockHold: the lease is gone
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("mine")
		rig.Commit(t, s)
		late.SetCompanion("late")
		rig.WantErr(t, late.Commit(context.Background()), session.ErrLockLost)
		if value, _ := r.Companion(id); value != "mine" {
			t.Errorf("the session lives, and its companion is %q", value)
		}
	})
}
