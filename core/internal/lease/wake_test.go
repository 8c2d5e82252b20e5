package lease_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A waiter in another process is woken by a message, not by its clock: here it would look
// at most four times a second.
func TestReleaseWakesAnotherProcess(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, a)
		holder := rig.Begin(t, a, id, session.Exclusive)
		got := r.Waiter(b, id)
		time.Sleep(3 * time.Second)
		start := time.Now()
		rig.Commit(t, holder)
		s := got()
		if waited := time.Since(start); waited != 0 {
			t.Errorf("woken after %v", waited)
		}
		rig.Commit(t, s)
	})
}

// The same on a real server: ten hand-overs in less than the time of one look.
func TestReleaseWakesAnotherProcessOnRedis(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := rig.Saved(t, a)
	subscribed(t, r, a, b, id)
	var fastest time.Duration = time.Hour
	for range 10 {
		holder := rig.Begin(t, a, id, session.Exclusive)
		got := r.Waiter(b, id)
		rig.Until(t, "the other process waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		start := time.Now()
		rig.Commit(t, holder)
		rig.Commit(t, got())
		fastest = min(fastest, time.Since(start))
	}
	if fastest > 60*time.Millisecond {
		t.Errorf("the fastest of ten hand-overs took %v", fastest)
	}
}

// subscribed makes b wait once, and until its subscription stands.
func subscribed(t *testing.T, r *rig.Rig, a, b *session.Manager, id string) {
	t.Helper()
	holder := rig.Begin(t, a, id, session.Exclusive)
	got := r.Waiter(b, id)
	rig.Until(t, "the subscription stands", func() bool {
		channels, err := r.Client.PubSubChannels(context.Background(), r.App+"_Wake_*").Result()
		return err == nil && len(channels) == 1
	})
	rig.Commit(t, holder)
	rig.Commit(t, got())
}

// An uncontended release publishes nothing and a process that never waits does
// not subscribe; one that does has one subscription, whatever it waits for.
func TestOneSubscriptionAProcess(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
		channels := func() int {
			return len(r.Client.PubSubChannels(context.Background(), "*").Val())
		}
		var wg sync.WaitGroup
		for range 5 {
			id := rig.Saved(t, a)
			if channels() > 1 {
				t.Errorf("%d subscriptions", channels())
			}
			s := rig.Begin(t, a, id, session.Exclusive)
			wg.Go(func() { rig.Commit(t, rig.Begin(t, b, id, session.Exclusive)) })
			time.Sleep(time.Second)
			rig.Commit(t, s)
			wg.Wait()
		}
		if channels() != 1 {
			t.Errorf("%d subscriptions", channels())
		}
	})
}

// A message that was lost, or is forbidden, costs a bounded delay.
func TestWithoutMessages(t *testing.T) {
	for name, breakIt := range map[string]func(c redis.UniversalClient, f *noMessages){
		"lost":                func(_ redis.UniversalClient, f *noMessages) { f.deaf = true },
		"subscribe forbidden": func(_ redis.UniversalClient, f *noMessages) { f.forbidden = true },
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				a := r.Manager(session.Options{})
				client := r.NewClient()
				f := &noMessages{UniversalClient: client, other: r.NewClient()}
				breakIt(client, f)
				b := r.ManagerOn(f, session.Options{})
				id := rig.Saved(t, a)
				for range 20 {
					holder := rig.Begin(t, a, id, session.Exclusive)
					got := r.Waiter(b, id)
					time.Sleep(time.Second)
					start := time.Now()
					rig.Commit(t, holder)
					s := got()
					if waited := time.Since(start); waited > 250*time.Millisecond {
						t.Errorf("free after %v", waited)
					}
					rig.Commit(t, s)
				}
			})
		})
	}
}

// noMessages is a client whose subscriptions hear nothing or are refused.
type noMessages struct {
	redis.UniversalClient
	other           redis.UniversalClient
	deaf, forbidden bool
}

func (n *noMessages) Subscribe(ctx context.Context, channels ...string) *redis.PubSub {
	if n.forbidden {
		n.other.AddHook(refuseHook{})
		_ = n.other.Close()
		return n.other.Subscribe(ctx, channels...)
	}
	return n.other.Subscribe(ctx, "elsewhere")
}

type refuseHook struct{}

func (refuseHook) DialHook(next redis.DialHook) redis.DialHook     { return next }
func (refuseHook) ProcessHook(redis.ProcessHook) redis.ProcessHook { return nil }
func (refuseHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// The same with a real user whom the server allows no channel at all, neither to
// publish nor to subscribe. Redis 6.0 has no permissions for channels: there, the commands are forbidden.
func TestPubSubForbiddenOnRedis(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	ctx := context.Background()
	user := r.App
	set := []any{"ACL", "SETUSER", user, "on", ">pw-" + user, "~{" + r.App + "_*", "+@all"}
	if r.Since(6, 2) {
		set = append(set, "resetchannels")
	} else {
		set = append(set, "-publish", "-subscribe")
	}
	if err := r.Client.Do(ctx, set...).Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Client.Do(ctx, "ACL", "DELUSER", user) })
	limited := func() *session.Manager {
		c := r.NewClient(func(o *redis.UniversalOptions) { o.Username, o.Password = user, "pw-"+user })
		return r.ManagerOn(c, session.Options{})
	}
	a, b := limited(), limited()
	id := rig.Saved(t, a, "n", 0)
	var wg sync.WaitGroup
	for _, m := range []*session.Manager{a, b} {
		for range 4 {
			wg.Go(func() {
				for range 5 {
					rig.Increment(t, m, id)
				}
			})
		}
	}
	wg.Wait()
	if n := rig.Get[int](t, rig.View(t, a, id), "n"); n != 40 {
		t.Errorf("n is %d, want 40", n)
	}
}

// A release that nobody waits for publishes nothing.
func TestUncontendedReleaseIsSilent(t *testing.T) {
	t.Parallel()
	_, r := rig.WithServer(t)
	published := func() bool {
		stats, err := r.Client.Info(context.Background(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(stats, "cmdstat_publish:")
	}
	a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := rig.Saved(t, a, "n", 0)
	for range 10 {
		rig.Increment(t, a, id)
		rig.Increment(t, b, id)
		rig.Begin(t, a, id, session.Exclusive).Rollback(context.Background())
	}
	if published() {
		t.Error("published to nobody")
	}
	subscribed(t, r, a, b, id)
	if !published() {
		t.Error("a waiter was not told")
	}
}
