package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestCompanion(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Hour})
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("not alone")
		commit(t, s)
		if value, _ := r.Companion(s.ID()); s.ID() == "" || value != "not alone" {
			t.Errorf("a companion alone made no session: %q", value)
		}

		id := saved(t, m, "n", 1)
		if !r.NoCompanion(id) {
			t.Fatal("a companion that nobody asked for")
		}
		s = begin(t, m, id, session.Exclusive)
		s.SetCompanion("first")
		commit(t, s)
		value, ttl := r.Companion(id)
		if value != "first" || ttl > time.Hour || ttl < 59*time.Minute {
			t.Errorf("the companion is %q, for %v", value, ttl)
		}
		s = begin(t, m, id, session.Shared)
		s.SetCompanion("second")
		s.SetTimeout(10 * time.Minute)
		commit(t, s)
		if value, ttl := r.Companion(id); value != "second" || ttl > 10*time.Minute {
			t.Errorf("the companion is %q, for %v: it is replaced, and follows the session", value, ttl)
		}
		if proof, ttl := r.CompanionProof(id); proof != session.Proof(id) || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("the proof is not the ID's, or lives for %v", ttl)
		}

		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		commit(t, s)
		if value, ttl := r.Companion(s.ID()); value != "second" || ttl > 10*time.Minute || ttl < 9*time.Minute {
			t.Errorf("after a rotation the companion is %q, for %v", value, ttl)
		}
		if proof, _ := r.CompanionProof(id); proof != session.Proof(s.ID()) {
			t.Error("after a rotation the proof is not the new ID's")
		}

		s = begin(t, m, s.ID(), session.Exclusive)
		s.Abandon()
		commit(t, s)
		if !r.NoCompanion(id) {
			t.Error("outlived its abandoned session")
		}

		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetPrincipal("ann")
		s.SetCompanion("new")
		commit(t, s)
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
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Minute, MaxLifetime: 10 * time.Minute})
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetCompanion("here")
		commit(t, s)
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
		if !r.NoCompanion(id) || r.Exists(r.Key(id, "Data")) {
			t.Error("outlived MaxLifetime")
		}
	})
}

func TestCompanionThatBelongsToNobody(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("x")
		if err := m.End(ctx, id); err != nil {
			t.Fatal(err)
		}
		wantErr(t, s.Commit(ctx), session.ErrEnded)
		if !r.NoCompanion(id) {
			t.Error("a commit that failed left a companion")
		}

		s = begin(t, m, saved(t, m), session.ReadOnly)
		s.SetCompanion("x")
		wantErr(t, s.Commit(ctx), session.ErrReadOnly)
	})
}
