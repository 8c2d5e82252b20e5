//go:build testall

package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Where each look takes long, as one node of a cluster does not answer, whoever is told of an end does not
// wait for the looks at all other sessions.
func TestSlowLooksKeepNobodyWaiting(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		other := r.Manager(session.Options{})
		m, on := r.Matching(session.Options{})
		var ended []context.Context
		var handles []string
		for i := range 2000 {
			handle := rig.HandleOf(rig.Saved(t, other))
			watched, stop := m.Watch(t.Context(), handle)
			defer stop()
			if i%200 == 0 {
				ended, handles = append(ended, watched), append(handles, handle)
			}
		}
		time.Sleep(10 * time.Second)
		on.Each("_Timeout", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(3 * time.Second)
			return next(ctx, cmd)
		})
		time.Sleep(4 * time.Second) // a round has begun
		began := time.Now()
		for _, handle := range handles {
			if err := other.EndHandle(t.Context(), handle); err != nil {
				t.Fatal(err)
			}
		}
		for _, watched := range ended {
			_ = await(watched, t, "the end")
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("the last was told after %v", took)
		}
	})
}
