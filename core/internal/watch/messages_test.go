package watch_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// deaf is a client whose subscriptions hear nothing.
type deaf struct{ redis.UniversalClient }

func (d deaf) Subscribe(ctx context.Context, _ ...string) *redis.PubSub {
	return d.UniversalClient.Subscribe(ctx, "elsewhere")
}

// With messages, a change is heard at once. Without, within 5 seconds.
func TestHowSoon(t *testing.T) {
	for _, hears := range []bool{true, false} {
		t.Run(map[bool]string{true: "with messages", false: "without"}[hears], func(t *testing.T) {
			for name, c := range changes {
				t.Run(name, func(t *testing.T) {
					rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
						m := r.Manager(session.Options{MaxPerPrincipal: 2})
						watcher := m
						if !hears {
							watcher = r.ManagerOn(deaf{r.NewClient()}, session.Options{})
						}
						for range rig.Rounds(2, 10) {
							id := rig.SignIn(t, m, "ann")
							watched := watch(t, watcher, id)
							time.Sleep(100 * time.Second)
							start := time.Now()
							c.do(t, m, id)
							wantReason(t, c.want, watched)
							took := time.Since(start)
							if hears && took != 0 || took > 5*time.Second {
								t.Errorf("heard after %v", took)
							}
						}
					})
				})
			}
		})
	}
}

// While Redis is away, no watch ends. When it is back, they hear what has happened meanwhile. OnError is
// told once.
func TestRedisAway(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		var told atomic.Int64
		client, away := r.NewClient(), &rig.Matching{}
		client.AddHook(away)
		watcher := r.ManagerOn(deaf{client}, session.Options{
			Hooks: session.Hooks{OnError: func(context.Context, error) { told.Add(1) }},
		})
		id, other, short := rig.Saved(t, m), rig.Saved(t, m), rig.Begin(t, m, "", session.Exclusive)
		short.SetTimeout(time.Minute)
		short.Set("k", "v")
		rig.Commit(t, short)
		ends, stays, expires := watch(t, watcher, id), watch(t, watcher, other), watch(t, watcher, short.ID())
		time.Sleep(10 * time.Second)
		away.Each("_Timeout", rig.Refuse)
		rig.WantErr(t, m.End(t.Context(), id), nil)
		time.Sleep(5 * time.Minute)
		wantOpen(t, ends, stays, expires)
		if n := told.Load(); n != 1 {
			t.Errorf("OnError was told %d times", n)
		}
		back := time.Now()
		away.Each("nothing", nil)
		wantReason(t, session.Operator, ends)
		wantReason(t, session.Expired, expires)
		if took := time.Since(back); took > 5*time.Second {
			t.Errorf("heard after %v", took)
		}
		wantOpen(t, stays)
		time.Sleep(10 * time.Second)
		away.Each("_Timeout", rig.Refuse)
		time.Sleep(10 * time.Second)
		if n := told.Load(); n != 2 {
			t.Errorf("OnError was told %d times of two outages", n)
		}
	})
}

// A dead connection is no outage: another one is used at once.
func TestDeadConnection(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, faults := r.Matching(session.Options{})
		watched := watch(t, m, rig.Saved(t, m))
		time.Sleep(10 * time.Second)
		before := m.Stats()
		faults.Arm("_Timeout", func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
			cmd.SetErr(io.EOF)
			return io.EOF
		})
		time.Sleep(5 * time.Second)
		if !faults.Done() {
			t.Fatal("no look has failed")
		}
		if after := m.Stats(); after.Errors != before.Errors || after.WatchLooks < before.WatchLooks+2 {
			t.Errorf("%d failures, %d looks", after.Errors-before.Errors, after.WatchLooks-before.WatchLooks)
		}
		wantOpen(t, watched)
	})
}

// A message for a session that nobody watches here costs no look, nor does one that is none.
func TestForeignMessages(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		watched := watch(t, m, rig.Saved(t, m))
		time.Sleep(10 * time.Second)
		before := m.Stats().WatchedLooks
		for range 100 {
			rig.WantErr(t, m.End(t.Context(), rig.Saved(t, m)), nil)
			r.Client.Publish(context.Background(), r.App+"_Watch", "nonsense")
		}
		if n := m.Stats().WatchedLooks - before; n > 1 {
			t.Errorf("%d looks", n)
		}
		wantOpen(t, watched)
	})
}
