//go:build testall

package lease_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// callsOf is how often the masters of a cluster ran a command.
func callsOf(t *testing.T, c *redis.ClusterClient, command string) int {
	t.Helper()
	var mu sync.Mutex
	n := 0
	err := c.ForEachMaster(context.Background(), func(_ context.Context, master *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		n += rig.CommandCalls(master)[command]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// On a cluster, waiters are told on a sharded channel in the session's own slot: the
// message does not go to all servers. Sessions of all masters are waited for.
func TestWakeUpsOnCluster(t *testing.T) {
	t.Parallel()
	r := rig.OnTopology(t, "cluster")
	cluster := r.Client.(*redis.ClusterClient)
	a, b := r.Manager(session.Options{KeySeparator: "::"}), r.Manager(session.Options{KeySeparator: "::"})
	ctx := context.Background()
	heard := cluster.PSubscribe(ctx, r.App+"::*") // other tests publish too, and their App may begin like this one
	t.Cleanup(func() { _ = heard.Close() })
	if _, err := heard.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		id := rig.Saved(t, a, "n", 1)
		subscribed := func() bool {
			var n atomic.Int64
			_ = cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
				channels, err := master.PubSubShardChannels(ctx, "{"+r.App+"::"+rig.HandleOf(id)+"}::Wake:*").Result()
				if err == nil && len(channels) > 0 {
					n.Add(1)
				}
				return nil
			})
			return n.Load() > 0
		}
		holder := rig.Begin(t, a, id, session.Exclusive)
		got := r.Waiter(b, id)
		rig.Until(t, "the waiter is subscribed", subscribed)
		rig.Commit(t, holder)
		s := got()
		s.Set("n", 2)
		rig.Commit(t, s)
	}
	if n := callsOf(t, cluster, "spublish"); n == 0 {
		t.Error("nothing was published")
	}
	if err := cluster.Publish(ctx, r.App+"::Last", "").Err(); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		message, err := heard.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if message.Channel == r.App+"::Last" {
			break
		}
		t.Errorf("message %d to all servers, on %s", n+1, message.Channel)
	}
}

// Many more sessions are waited for than channels are kept.
func TestManyWaitersOnCluster(t *testing.T) {
	t.Parallel()
	r := rig.OnTopology(t, "cluster")
	a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
	ids := make([]string, 250)
	for i := range ids {
		ids[i] = rig.Saved(t, a, "n", 0)
	}
	var all sync.WaitGroup
	for i := range 4 * len(ids) {
		m := []*session.Manager{a, b}[i%2]
		all.Go(func() { rig.Increment(t, m, ids[i/4]) })
	}
	all.Wait()
	for _, id := range ids {
		if n := rig.Get[int](t, rig.View(t, a, id), "n"); n != 4 {
			t.Errorf("n is %d, want 4", n)
		}
	}
}

// Servers that have no sharded pub/sub: messages go to all of them.
func TestNoShardedPubSub(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	server, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{FailAfter: rig.Patient, Node: redistest.Options{
		Args: []string{"--rename-command", "SSUBSCRIBE", "", "--rename-command", "SPUBLISH", ""},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := rig.New(t)
	r.To(redis.UniversalOptions{Addrs: server.Addrs(), IsClusterMode: true})
	cluster := r.Client.(*redis.ClusterClient)
	a, b := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := rig.Saved(t, a, "n", 0)
	rig.Until(t, "a waiter is told", func() bool {
		holder := rig.Begin(t, a, id, session.Exclusive)
		got := make(chan struct{})
		r.Go(func() {
			rig.Increment(t, b, id)
			close(got)
		})
		rig.Until(t, "the other waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		rig.Commit(t, holder)
		<-got
		var n atomic.Int64
		_ = cluster.ForEachMaster(t.Context(), func(ctx context.Context, master *redis.Client) error {
			n.Add(int64(len(master.PubSubChannels(ctx, r.App+"_Wake_*").Val())))
			return nil
		})
		return n.Load() > 0 && callsOf(t, cluster, "publish") > 0
	})
}

// A master to which nobody can connect, and which does not refuse either, holds up nobody
// who waits for a session of another.
func TestSilentMasterHoldsUpNoOtherWaiters(t *testing.T) {
	t.Parallel()
	r := rig.OnTopology(t, "cluster")
	ctx := context.Background()
	var silent atomic.Value
	silent.Store("")
	dialled, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	client := r.NewClient(func(o *redis.UniversalOptions) {
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == silent.Load() {
				once.Do(func() { close(dialled) })
				select {
				case <-ctx.Done():
				case <-over:
				}
				return nil, context.DeadlineExceeded
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	m, other := r.ManagerOn(client, session.Options{LockWait: time.Second}), r.Manager(session.Options{})
	var all sync.WaitGroup
	t.Cleanup(func() { close(over); all.Wait() })
	master := func(id string) string {
		node, err := client.(*redis.ClusterClient).MasterForKey(ctx, r.Key(id, "Data"))
		if err != nil {
			t.Fatal(err)
		}
		return node.Options().Addr
	}
	onSilent, elsewhere := rig.Saved(t, m), rig.Saved(t, m)
	for master(onSilent) == master(elsewhere) {
		elsewhere = rig.Saved(t, m)
	}
	for _, id := range []string{onSilent, elsewhere} {
		rig.Commit(t, rig.Begin(t, m, id, session.Exclusive)) // there is a connection for it
		rig.Begin(t, other, id, session.Exclusive)            // ends with its manager
	}
	silent.Store(master(onSilent))
	wait := func(id string) chan error {
		end := make(chan error, 1)
		all.Go(func() {
			_, err := m.Begin(ctx, id, session.Exclusive)
			end <- err
		})
		return end
	}
	wait(onSilent)
	<-dialled // by the subscription
	select {
	case err := <-wait(elsewhere):
		rig.WantErr(t, err, session.ErrLockTimeout)
	case <-time.After(4 * time.Second):
		t.Fatal("waits for much longer than LockWait")
	}
}

// Who may not subscribe to sharded channels does not try with each wait, at the price of
// a connection.
func TestForbiddenSubscriptionsOnCluster(t *testing.T) {
	t.Parallel()
	r := rig.OnTopology(t, "cluster")
	ctx := context.Background()
	rules := []any{"ACL", "SETUSER", r.App, "on", ">secret", "resetchannels", "-@all", "+cluster|slots", "+command"}
	for _, rule := range append(rig.Listed(`(?m)^[~&].*$`), rig.Permissions...) {
		rules = append(rules, strings.ReplaceAll(rule, "shop", r.App))
	}
	err := r.Client.(*redis.ClusterClient).ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
		return node.Do(ctx, rules...).Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int64
	limited := func(o *redis.UniversalOptions) {
		o.Username, o.Password = r.App, "secret"
		o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	}
	a, b := r.ManagerOn(r.NewClient(limited), session.Options{}), r.ManagerOn(r.NewClient(limited), session.Options{})
	id := rig.Saved(t, a, "n", 0)
	handOver := func() {
		holder := rig.Begin(t, a, id, session.Exclusive)
		done := make(chan struct{})
		r.Go(func() {
			rig.Increment(t, b, id)
			close(done)
		})
		rig.Until(t, "the other waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		rig.Commit(t, holder)
		<-done
	}
	handOver()
	const waits = 50
	earlier := dials.Load()
	for range waits {
		handOver()
	}
	if n := dials.Load() - earlier; n > 5 {
		t.Errorf("%d waits made %d connections", waits, n)
	}
}
