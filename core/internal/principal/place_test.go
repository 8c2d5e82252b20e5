package principal_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Whoever only looks at a user's sessions, or ends them, while that user signs in, frees no place.
func TestNoPlaceIsFreedByWhoLooks(t *testing.T) {
	for name, look := range map[string]func(m *session.Manager) error{
		"SessionsOf": func(m *session.Manager) error { _, err := m.SessionsOf(context.Background(), "ann"); return err },
		"EndAll":     func(m *session.Manager) error { _, err := m.EndAll(context.Background(), "ann"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				o := session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true}
				m, on := r.Matching(o)
				other := r.Manager(o)
				rig.WarmUp(t, m)
				s := signsIn(t, m)
				var second error
				on.Arm(r.Key(s.Handle(), "Data"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
					if err := look(other); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second) // what goes on beside
					second = signsIn(t, other).Commit(context.Background())
					return next(ctx, cmd)
				})
				rig.Commit(t, s)
				if !on.Done() {
					t.Fatal("nothing happened before the commit")
				}
				rig.WantErr(t, second, session.ErrTooManySessions)
				if n := len(rig.HandlesOf(t, m, "ann")); n != 1 {
					t.Errorf("%d sessions are signed in", n)
				}
			})
		})
	}
}

// Whoever signs out gives the place back at once, whichever clock the sign-in was served by.
func TestSignOutFreesThePlaceWithAnotherClock(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true})
		id := rig.SignIn(t, m, "ann")
		time.Sleep(2 * time.Second)
		// As from a process whose clock is 5 seconds ahead.
		ahead := redis.Z{Score: float64(time.Now().Add(3 * time.Second).UnixMilli()), Member: rig.HandleOf(id)}
		if err := r.Client.ZAdd(ctx, r.PrincipalKey("ann"), ahead).Err(); err != nil {
			t.Fatal(err)
		}
		s := rig.Begin(t, m, id, session.Exclusive)
		s.SetPrincipal("")
		s.Set("n", 1)
		rig.Commit(t, s)
		time.Sleep(time.Second)
		if err := signsIn(t, m).Commit(ctx); err != nil {
			t.Errorf("ann has signed out, and cannot sign in: %v", err)
		}
	})
}

// A sign-in that lost its lease takes the session of the request that signed in meanwhile out of no index:
// that session is live, so EndAll must find it and the limit must count it.
func TestASignInThatLostItsLeaseUnlistsNobody(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, on := r.Matching(session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true})
		visitor := rig.Saved(t, m)
		slow := rig.Begin(t, m, visitor, session.Exclusive)
		slow.SetPrincipal("ann")
		on.Each(r.Key(visitor, "Lock"), rig.Refuse) // its process cannot renew the lease
		time.Sleep(time.Minute)
		on.Each("nothing", rig.Pass)

		again := rig.Begin(t, r.Manager(session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true}), visitor, session.Exclusive)
		again.SetPrincipal("ann")
		rig.Commit(t, again)

		time.Sleep(time.Second)
		rig.WantErr(t, slow.Commit(ctx), session.ErrLockLost)
		time.Sleep(time.Second)
		if !rig.IsOf(t, m, again.ID(), "ann") {
			t.Fatal("ann is not signed in")
		}
		if n := len(rig.HandlesOf(t, m, "ann")); n != 1 {
			t.Errorf("ann is signed in, and %d sessions are listed", n)
		}
		if _, err := m.EndAll(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if rig.Lives(t, m, again.ID()) {
			t.Error("EndAll left a session of ann")
		}
	})
}
