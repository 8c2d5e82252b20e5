package companion_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A Shared request that writes its companion late does not bring the old proof back.
func TestLateCompanionHasTheNewProof(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		other := r.Manager(session.Options{})
		rig.WarmUp(t, m)
		id := rig.Saved(t, m, "n", 1)
		var next string
		s := rig.Begin(t, m, id, session.Shared)
		s.SetCompanion("the companion")
		on.Arm("the companion", rig.Before(func() { next = rig.Rotate(t, other, id) }))
		rig.Commit(t, s)
		value, _ := r.Companion(id)
		if proof, _ := r.CompanionProof(id); value != "the companion" || proof != rig.Proof(next) || !on.Done() {
			t.Errorf("the companion is %q, and the new ID opens it: %t", value, proof == rig.Proof(next))
		}
	})
}

// A proof that is written late, after another rotation, does not take the place of the session's
// own.
func TestLateProofAfterRotation(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{RetryTimeout: 2 * time.Second})
		id := rig.Saved(t, m)
		rig.WarmUpAt(t, m, id)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive))
		var late rig.Latecomers
		s = rig.Begin(t, m, id, session.Exclusive)
		s.Rotate()
		on.Arm("}_Proof", late.Hold)
		rig.Commit(t, s)
		stolen := s.ID()
		next := rig.Rotate(t, m, stolen)
		late.Land(t, r)
		// Requests that go on with the new ID do not mend it.
		for range 3 {
			rig.Commit(t, rig.Begin(t, m, next, session.Exclusive))
			rig.View(t, m, next)
		}
		if proof, _ := r.CompanionProof(id); proof != rig.Proof(next) {
			t.Errorf("the ID that was rotated away opens the companion: %t", proof == rig.Proof(stolen))
		}
	})
}

// A Shared SetCompanion that finds out of a rotation too late, and cannot look right then, mends the
// proof later.
func TestOldProofAfterAFailedCheck(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		id := rig.Saved(t, m)
		next := ""
		s := rig.Begin(t, m, id, session.Shared)
		s.SetCompanion("c")
		f.Then(rig.Pass, rig.Before(func() { next = rig.Rotate(t, other, id) }), rig.Refuse)
		rig.Commit(t, s)
		time.Sleep(10 * time.Second)
		for range 3 {
			rig.Commit(t, rig.Begin(t, m, next, session.Exclusive))
		}
		if proof, _ := r.CompanionProof(id); proof != rig.Proof(next) || !f.Used() {
			t.Errorf("the old ID opens the companion: %t", proof == rig.Proof(id))
		}
	})
}

// A rotation whose proof could not be written beside the companion, and that is not committed again:
// the old ID does not open the companion.
func TestOldProofAfterHalfARotation(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("I am ann")
		rig.Commit(t, s)
		old := s.ID()
		s = rig.Begin(t, m, old, session.Exclusive)
		s.Rotate()
		f.Then(rig.Pass, rig.Pass, rig.Refuse)
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		if rig.Lives(t, m, old) {
			t.Fatal("it was not rotated")
		}
		if proof, _ := r.CompanionProof(old); proof == rig.Proof(old) {
			t.Error("ten minutes after the rotation, Redis is well, the old ID opens the companion")
		}
	})
}

// What mends the proof beside a request does not undo what the request does when it commits
// again.
func TestMendingComesLate(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		r.WarmUpOnly(m)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		rig.Commit(t, s)
		id := s.ID()
		s = rig.Begin(t, m, id, session.Exclusive)
		s.Rotate()
		var late rig.Latecomers
		on.Arm(rig.Proof(id), rig.Pass) // the proof is hidden
		on.Arm(r.Key(id, "Rotated"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			on.Arm("}_Proof", late.Hold) // who mends it
			return rig.Refuse(ctx, cmd, next)
		})
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		synctest.Wait()
		rig.Commit(t, s)
		late.Land(t, r)
		if proof, _ := r.CompanionProof(id); proof != rig.Proof(s.ID()) {
			t.Errorf("the old ID opens the companion: %t", proof == rig.Proof(id))
		}
	})
}

// A begin whose call about the companion arrives late brings no proof back that a rotation has deleted, whose process
// dies then.
func TestLateBeginAfterHalfARotation(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		dying, f := r.Faulty(session.Options{})
		r.WarmUpOnly(m)
		r.WarmUpOnly(dying)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("I am ann")
		rig.Commit(t, s)
		old := s.ID()
		var late rig.Latecomers
		on.Arm("}_Proof", late.Hold)
		rig.Begin(t, m, old, session.Exclusive).Rollback(context.Background())

		s = rig.Begin(t, dying, old, session.Exclusive)
		s.Rotate()
		f.Then(rig.Pass, rig.Pass, rig.Refuse, rig.Refuse, rig.Refuse) // so that nothing is mended either
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		late.Land(t, r)
		if rig.Lives(t, m, old) {
			t.Fatal("it was not rotated")
		}
		if proof, _ := r.CompanionProof(old); proof == rig.Proof(old) {
			t.Error("the old ID opens the companion")
		}
	})
}

// If a rotation has deleted the proof and was then not written, the next request puts it back.
func TestProofComesBackAfterHalfARotation(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetCompanion("I am ann")
		s.Set("n", 1)
		rig.Commit(t, s)
		if err := r.Client.Del(context.Background(), "{"+s.Handle()+"}_Proof").Err(); err != nil {
			t.Fatal(err)
		}
		rig.Increment(t, m, s.ID())
		time.Sleep(time.Second)
		if proof, _ := r.CompanionProof(s.ID()); proof != rig.Proof(s.ID()) {
			t.Errorf("the proof is %q", proof)
		}
	})
}
