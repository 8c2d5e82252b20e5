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
