package principal_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// The index lives as long as its sessions do, however they are used.
func TestPrincipalIndexOutlivesItsSessions(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
		t.Run(access.String(), func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(session.Options{Timeout: time.Minute})
				id := rig.SignIn(t, m, "ann")
				for range 20 {
					time.Sleep(50 * time.Second)
					rig.Commit(t, rig.Begin(t, m, id, access))
					synctest.Wait()
					if len(rig.HandlesOf(t, m, "ann")) != 1 {
						t.Fatal("the index lost a session that is alive")
					}
				}
				s := rig.Begin(t, m, id, session.Exclusive)
				s.SetTimeout(time.Hour)
				rig.Commit(t, s)
				time.Sleep(59 * time.Minute)
				if len(rig.HandlesOf(t, m, "ann")) != 1 {
					t.Error("the index did not follow SetTimeout")
				}
			})
		})
	}
}

// Where the index could not be told of a longer timeout, a later request tells it.
func TestIndexFollowsALongerTimeout(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Matching(session.Options{Timeout: 20 * time.Minute})
		id := rig.SignIn(t, m, "ann")
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetTimeout(30 * 24 * time.Hour)
		f.Arm(r.PrincipalKey("ann"), rig.Refuse)
		rig.Commit(t, s)
		time.Sleep(time.Second)
		if !f.Done() {
			t.Fatal("nobody told the index")
		}
		for range 10 {
			time.Sleep(10 * time.Minute)
			rig.Commit(t, rig.Begin(t, m, id, session.ReadOnly))
		}
		if n := len(rig.HandlesOf(t, m, "ann")); n != 1 {
			t.Errorf("the session is used all the time, and ann has %d", n)
		}
	})
}

// An idle timeout that stands for "never" is one for the index too.
func TestIndexOfAnEndlessSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, "", session.Exclusive)
		s.SetPrincipal("ann")
		s.SetTimeout(math.MaxInt64)
		rig.Commit(t, s)
		time.Sleep(10 * time.Minute)
		n, err := m.EndAll(ctx, "ann")
		if n != 1 || err != nil || rig.Lives(t, m, s.ID()) {
			t.Errorf("EndAll ended %d (%v), and the session lives: %t", n, err, rig.Lives(t, m, s.ID()))
		}
	})
}

// A LockHold that stands for "never" does not make the index endless.
func TestIndexOfLockHold(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		rig.SignIn(t, r.Manager(session.Options{LockHold: math.MaxInt64}), "ann")
		ttl := r.Client.PTTL(context.Background(), r.PrincipalKey("ann")).Val()
		if ttl < 0 {
			t.Errorf("the index never expires: %v", ttl)
		}
	})
}
