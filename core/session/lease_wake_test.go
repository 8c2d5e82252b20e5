package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// peers.md 19: a waiter in another process is woken by a message, not by its
// clock: here it would look at most four times a second.
func TestReleaseWakesAnotherProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		got := r.waiter(b, id)
		time.Sleep(3 * time.Second)
		start := time.Now()
		commit(t, holder)
		s := got()
		if waited := time.Since(start); waited != 0 {
			t.Errorf("woken after %v", waited)
		}
		commit(t, s)
	})
}

// The same on a real server: ten hand-overs in less than the time of one look.
func TestReleaseWakesAnotherProcessOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	a, b := r.manager(session.Options{}), r.manager(session.Options{})
	id := saved(t, a)
	subscribed(t, r, a, b, id)
	var fastest time.Duration = time.Hour
	for range 10 {
		holder := begin(t, a, id, session.Exclusive)
		got := r.waiter(b, id)
		until(t, "the other process waits", func() bool { return r.exists(r.key(id, "Waiters")) })
		start := time.Now()
		commit(t, holder)
		commit(t, got())
		fastest = min(fastest, time.Since(start))
	}
	if fastest > 60*time.Millisecond {
		t.Errorf("the fastest of ten hand-overs took %v", fastest)
	}
}

// subscribed makes b wait once, and until its subscription stands.
func subscribed(t *testing.T, r *rig, a, b *session.Manager, id string) {
	t.Helper()
	holder := begin(t, a, id, session.Exclusive)
	got := r.waiter(b, id)
	until(t, "the subscription stands", func() bool {
		channels, err := r.client.PubSubChannels(context.Background(), r.app+"_Wake_*").Result()
		return err == nil && len(channels) == 1
	})
	commit(t, holder)
	commit(t, got())
}

// An uncontended release publishes nothing and a process that never waits does
// not subscribe; one that does has one subscription, whatever it waits for.
func TestOneSubscriptionAProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		channels := func() int {
			return len(r.client.PubSubChannels(context.Background(), "*").Val())
		}
		var wg sync.WaitGroup
		for range 5 {
			id := saved(t, a)
			if channels() > 1 {
				t.Errorf("%d subscriptions", channels())
			}
			s := begin(t, a, id, session.Exclusive)
			wg.Go(func() { commit(t, begin(t, b, id, session.Exclusive)) })
			time.Sleep(time.Second)
			commit(t, s)
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
			inBubble(t, func(t *testing.T, r *rig) {
				a := r.manager(session.Options{})
				client := r.newClient()
				f := &noMessages{UniversalClient: client, other: r.newClient()}
				breakIt(client, f)
				b := r.managerOn(f, session.Options{})
				id := saved(t, a)
				for range 20 {
					holder := begin(t, a, id, session.Exclusive)
					got := r.waiter(b, id)
					time.Sleep(time.Second)
					start := time.Now()
					commit(t, holder)
					s := got()
					if waited := time.Since(start); waited > 250*time.Millisecond {
						t.Errorf("free after %v", waited)
					}
					commit(t, s)
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
// publish nor to subscribe.
func TestPubSubForbiddenOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	user := r.app
	if err := r.client.Do(ctx, "ACL", "SETUSER", user, "on", ">pw-"+user, "~{"+r.app+"_*", "resetchannels", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.client.Do(ctx, "ACL", "DELUSER", user) })
	limited := func() *session.Manager {
		c := r.newClient(func(o *redis.UniversalOptions) { o.Username, o.Password = user, "pw-"+user })
		return r.managerOn(c, session.Options{})
	}
	a, b := limited(), limited()
	id := saved(t, a, "n", 0)
	var wg sync.WaitGroup
	for _, m := range []*session.Manager{a, b} {
		for range 4 {
			wg.Go(func() {
				for range 5 {
					increment(t, m, id)
				}
			})
		}
	}
	wg.Wait()
	if n := get[int](t, view(t, a, id), "n"); n != 40 {
		t.Errorf("n is %d, want 40", n)
	}
}

// A release that nobody waits for publishes nothing.
func TestUncontendedReleaseIsSilent(t *testing.T) {
	t.Parallel()
	_, r := withServer(t)
	published := func() bool {
		stats, err := r.client.Info(context.Background(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(stats, "cmdstat_publish:")
	}
	a, b := r.manager(session.Options{}), r.manager(session.Options{})
	id := saved(t, a, "n", 0)
	for range 10 {
		increment(t, a, id)
		increment(t, b, id)
		begin(t, a, id, session.Exclusive).Rollback(context.Background())
	}
	if published() {
		t.Error("published to nobody")
	}
	subscribed(t, r, a, b, id)
	if !published() {
		t.Error("a waiter was not told")
	}
}
