package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// companion returns what a program finds that knows nothing but the session ID.
func (r *rig) companion(id string) (string, time.Duration) {
	r.t.Helper()
	ctx := context.Background()
	return r.client.Get(ctx, handleOf(id)).Val(), r.client.PTTL(ctx, handleOf(id)).Val()
}

// proof returns what stands beside the companion.
func (r *rig) proof(id string) (string, time.Duration) {
	r.t.Helper()
	ctx, key := context.Background(), "{"+handleOf(id)+"}_Proof"
	return r.client.Get(ctx, key).Val(), r.client.PTTL(ctx, key).Val()
}

// noCompanion tells that there is none; what stands beside it is for a minute at most.
func (r *rig) noCompanion(id string) bool {
	r.t.Helper()
	_, ttl := r.proof(id)
	return !r.exists(handleOf(id)) && ttl <= time.Minute
}

func TestCompanion(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{Timeout: time.Hour})
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("not alone")
		commit(t, s)
		if value, _ := r.companion(s.ID()); s.ID() == "" || value != "not alone" {
			t.Errorf("a companion alone made no session: %q", value)
		}

		id := saved(t, m, "n", 1)
		if !r.noCompanion(id) {
			t.Fatal("a companion that nobody asked for")
		}
		s = begin(t, m, id, session.Exclusive)
		s.SetCompanion("first")
		commit(t, s)
		value, ttl := r.companion(id)
		if value != "first" || ttl > time.Hour || ttl < 59*time.Minute {
			t.Errorf("the companion is %q, for %v", value, ttl)
		}
		s = begin(t, m, id, session.Shared)
		s.SetCompanion("second")
		s.SetTimeout(10 * time.Minute)
		commit(t, s)
		if value, ttl := r.companion(id); value != "second" || ttl > 10*time.Minute {
			t.Errorf("the companion is %q, for %v: it is replaced, and follows the session", value, ttl)
		}
		if proof, ttl := r.proof(id); proof != session.Proof(id) || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("the proof is not the ID's, or lives for %v", ttl)
		}

		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		commit(t, s)
		if value, ttl := r.companion(s.ID()); value != "second" || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("after a rotation the companion is %q, for %v", value, ttl)
		}
		if proof, _ := r.proof(id); proof != session.Proof(s.ID()) {
			t.Error("after a rotation the proof is not the new ID's")
		}

		s = begin(t, m, s.ID(), session.Exclusive)
		s.Abandon()
		commit(t, s)
		if !r.noCompanion(id) {
			t.Error("outlived its abandoned session")
		}

		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetPrincipal("ann")
		s.SetCompanion("new")
		commit(t, s)
		if value, _ := r.companion(s.ID()); value != "new" {
			t.Errorf("of a new session the companion is %q", value)
		}
		if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil || !r.noCompanion(s.ID()) {
			t.Errorf("outlived EndAll of %d (%v)", n, err)
		}
	})
}

// The TTL of a companion is that of its session, at every moment.
func TestCompanionLivesWithItsSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{Timeout: time.Minute, MaxLifetime: 10 * time.Minute})
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetCompanion("here")
		commit(t, s)
		id := s.ID()
		same := func(when string) {
			t.Helper()
			_, ttl := r.companion(id)
			if own := r.client.PTTL(context.Background(), r.key(id, "Data")).Val(); ttl-own > time.Millisecond || own-ttl > time.Millisecond {
				t.Errorf("%s the companion lives for %v, the session for %v", when, ttl, own)
			}
		}
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive} {
			time.Sleep(30 * time.Second)
			s := begin(t, m, id, access)
			same("begun " + access.String())
			if access == session.Exclusive {
				time.Sleep(90 * time.Second)
				same("held")
			}
			time.Sleep(20 * time.Second)
			if access != session.ReadOnly {
				s.Set("n", access)
			}
			commit(t, s)
			same("committed " + access.String())
		}
		for range 15 {
			time.Sleep(20 * time.Second)
			commit(t, begin(t, m, id, session.ReadOnly))
			same("near its MaxLifetime")
		}
		time.Sleep(2 * time.Minute)
		if !r.noCompanion(id) || r.exists(r.key(id, "Data")) {
			t.Error("outlived MaxLifetime")
		}
	})
}

func TestCompanionThatBelongsToNobody(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("x")
		if err := m.End(ctx, id); err != nil {
			t.Fatal(err)
		}
		wantErr(t, s.Commit(ctx), session.ErrEnded)
		if !r.noCompanion(id) {
			t.Error("a commit that failed left a companion")
		}

		s = begin(t, m, saved(t, m), session.ReadOnly)
		s.SetCompanion("x")
		wantErr(t, s.Commit(ctx), session.ErrReadOnly)
	})
}
