//go:build testall

package watch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Where new watches begin all the time, each of which is looked at at once, the others are looked at as well: a
// session that expires is noticed.
func TestManyNewWatchesKeepNobodyWaiting(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		other := r.Manager(session.Options{Timeout: time.Minute})
		m, on := r.Matching(session.Options{Timeout: time.Minute})
		expires := watch(t, m, rig.Saved(t, other))
		handle := rig.HandleOf(rig.Saved(t, r.Manager(session.Options{Timeout: time.Hour})))
		var storm atomic.Bool
		before := func() {}
		on.Each("_Timeout", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(5 * time.Millisecond) // as long as a look takes
			if storm.Load() {
				_, stop := m.Watch(ctx, handle) // of a page that is loaded
				before()
				before = stop
			}
			return next(ctx, cmd)
		})
		storm.Store(true)
		defer storm.Store(false)
		_, stop := m.Watch(t.Context(), handle)
		defer stop()
		select {
		case <-expires.Done():
		case <-time.After(90 * time.Second):
			t.Error("a session has expired, and 30 seconds later nobody was told")
		}
	})
}
