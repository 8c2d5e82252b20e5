package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// ann's companion, made by a Shared request meanwhile, does not get the proof of bob's cookie.
func TestSwitchDropsSharedCompanion(t *testing.T) {
	for _, next := range []string{"bob", ""} {
		t.Run("to "+next, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				id := signIn(t, m, "ann")
				s := begin(t, m, id, session.Exclusive)
				shared := begin(t, m, id, session.Shared)
				shared.SetCompanion("I am ann")
				commit(t, shared)
				s.SetPrincipal(next)
				commit(t, s)
				value, _ := r.Companion(s.ID())
				if proof, _ := r.CompanionProof(s.ID()); value != "" {
					t.Errorf("signed in as %q, the companion is %q, and the new cookie opens it: %t", next, value, proof == session.Proof(s.ID()))
				}
			})
		})
	}
}

// Nor where the Shared request writes its companion after the switch.
func TestLateSharedCompanionAfterSwitch(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{})
		other := r.Manager(session.Options{})
		warmUp(t, m)
		id := signIn(t, m, "ann")
		next := ""
		s := begin(t, m, id, session.Shared)
		s.SetCompanion("I am ann")
		on.Arm("I am ann", before(func() {
			o := begin(t, other, id, session.Exclusive)
			o.SetPrincipal("bob")
			commit(t, o)
			next = o.ID()
		}))
		commit(t, s)
		value, _ := r.Companion(id)
		if proof, _ := r.CompanionProof(id); value != "" {
			t.Errorf("the session is bob's, its companion %q, and bob's cookie opens it: %t", value, proof == session.Proof(next))
		}
	})
}

// A companion that is written late, after the logout, is not opened by the cookie that was logged
// out.
func TestLateCompanionAfterLogout(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{RetryTimeout: 2 * time.Second})
		warmUp(t, m)
		id := saved(t, m)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("warm")
		commit(t, s)
		var late latecomers
		s = begin(t, m, id, session.Exclusive)
		s.SetCompanion("I am ann")
		on.Arm("I am ann", late.Hold)
		commit(t, s)
		out := begin(t, m, id, session.Exclusive)
		out.Abandon()
		commit(t, out)
		late.Land(t, r)
		value, ttl := r.Companion(id)
		if proof, _ := r.CompanionProof(id); proof == session.Proof(id) {
			t.Errorf("logged out, and the cookie opens the companion %q for %v", value, ttl)
		}
	})
}

// A proof that is written late, after another rotation, does not take the place of the session's
// own.
func TestLateProofAfterRotation(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{RetryTimeout: 2 * time.Second})
		id := saved(t, m)
		warmUpAt(t, m, id)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("c")
		commit(t, s)
		commit(t, begin(t, m, id, session.Exclusive))
		var late latecomers
		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		on.Arm("}_Proof", late.Hold)
		commit(t, s)
		stolen := s.ID()
		next := rotate(t, m, stolen)
		late.Land(t, r)
		// Requests that go on with the new ID do not mend it.
		for range 3 {
			commit(t, begin(t, m, next, session.Exclusive))
			view(t, m, next)
		}
		if proof, _ := r.CompanionProof(id); proof != session.Proof(next) {
			t.Errorf("the ID that was rotated away opens the companion: %t", proof == session.Proof(stolen))
		}
	})
}

// A Shared SetCompanion that finds out of a rotation too late, and cannot look right then, mends the
// proof later.
func TestOldProofAfterAFailedCheck(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		r.WarmUpOnly(m)
		id := saved(t, m)
		next := ""
		s := begin(t, m, id, session.Shared)
		s.SetCompanion("c")
		f.Then(pass, before(func() { next = rotate(t, other, id) }), refuse)
		commit(t, s)
		time.Sleep(10 * time.Second)
		for range 3 {
			commit(t, begin(t, m, next, session.Exclusive))
		}
		if proof, _ := r.CompanionProof(id); proof != session.Proof(next) || !f.Used() {
			t.Errorf("the old ID opens the companion: %t", proof == session.Proof(id))
		}
	})
}

// A rotation whose proof could not be written beside the companion, and that is not committed again:
// the old ID does not open the companion.
func TestOldProofAfterHalfARotation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		r.WarmUpOnly(m)
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("I am ann")
		commit(t, s)
		old := s.ID()
		s = begin(t, m, old, session.Exclusive)
		s.Rotate()
		f.Then(pass, pass, refuse)
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		if lives(t, m, old) {
			t.Fatal("it was not rotated")
		}
		if proof, _ := r.CompanionProof(old); proof == session.Proof(old) {
			t.Error("ten minutes after the rotation, Redis is well, the old ID opens the companion")
		}
	})
}

// Nor does it while a user is switched, and if one of the calls of that fails.
func TestOldCookieDuringASwitch(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		clean := r.Manager(session.Options{})
		for range 3 {
			signIn(t, clean, "bob")
		}
		s := begin(t, clean, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetCompanion("I am ann")
		commit(t, s)
		old := s.ID()
		m, on := r.Matching(session.Options{MaxPerPrincipal: 1})
		support.WarmUpAll(t, m)
		s = begin(t, m, old, session.Exclusive)
		s.SetPrincipal("bob")
		on.Each("newest", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if cmd.Name() == "evalsha" {
				return refuse(ctx, cmd, next) // to enlist it
			}
			return next(ctx, cmd)
		})
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		value, _ := r.Companion(old)
		if proof, _ := r.CompanionProof(old); proof == session.Proof(old) {
			if err := clean.DoHandle(context.Background(), handleOf(old), session.ReadOnly, func(s *session.Session) error {
				t.Errorf("ten minutes later: the session is %q's, and the old cookie opens the companion %q", s.Principal(), value)
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
	})
}

// From a user to none and back, the companion goes with the values.
func TestCompanionGoesWithTheUser(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.Set("cart", 1)
		s.SetCompanion("from before")
		commit(t, s)
		s = begin(t, m, s.ID(), session.Exclusive)
		s.SetPrincipal("")
		s.SetPrincipal("ann")
		commit(t, s)
		if v := view(t, m, s.ID()); v.Len() != 0 {
			t.Error("values stay")
		}
		if got := r.Client.Get(context.Background(), s.Handle()).Val(); got != "" {
			t.Errorf("the companion stays: %q", got)
		}
	})
}

// What mends the proof beside a request does not undo what the request does when it commits
// again.
func TestMendingComesLate(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{})
		r.WarmUpOnly(m)
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		commit(t, s)
		id := s.ID()
		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		var late latecomers
		on.Arm(session.Proof(id), pass) // the proof is hidden
		on.Arm(r.Key(id, "Rotated"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			on.Arm("}_Proof", late.Hold) // who mends it
			return refuse(ctx, cmd, next)
		})
		if s.Commit(context.Background()) == nil {
			t.Fatal("nothing has failed")
		}
		synctest.Wait()
		commit(t, s)
		late.Land(t, r)
		if proof, _ := r.CompanionProof(id); proof != session.Proof(s.ID()) {
			t.Errorf("the old ID opens the companion: %t", proof == session.Proof(id))
		}
	})
}
