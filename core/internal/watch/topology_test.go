//go:build testall

package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// fastest returns how soon a watch hears of an end, at best of ten.
func fastest(t *testing.T, writer, watcher *session.Manager) time.Duration {
	t.Helper()
	best := time.Hour
	for range 10 {
		id := rig.SignIn(t, writer, "ann")
		watched := watch(t, watcher, id)
		looked(t, watcher)
		start := time.Now()
		rig.WantErr(t, writer.End(t.Context(), id), nil)
		wantReason(t, session.Operator, watched)
		best = min(best, time.Since(start))
	}
	return best
}

// subscribed waits until a process has its subscription.
func subscribed(t *testing.T, r *rig.Rig, m *session.Manager) {
	t.Helper()
	watch(t, m, rig.Saved(t, m))
	rig.Until(t, "the subscription stands", func() bool {
		var channels atomic.Int64
		count := func(ctx context.Context, c *redis.Client) error {
			found, err := c.PubSubChannels(ctx, r.App+"_Watch").Result()
			channels.Add(int64(len(found)))
			return err
		}
		var err error
		if cluster, ok := r.Client.(*redis.ClusterClient); ok {
			err = cluster.ForEachShard(t.Context(), count)
		} else {
			err = count(t.Context(), r.Client.(*redis.Client))
		}
		return err == nil && channels.Load() == 1
	})
}

// A message reaches the watchers whichever node has the session, and whichever they are subscribed to.
func TestMessagesOnTopologies(t *testing.T) {
	for _, name := range []string{"cluster", "sentinel", "tls"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.OnTopology(t, name)
			writer, watcher := r.Manager(session.Options{}), r.Manager(session.Options{})
			subscribed(t, r, watcher)
			if took := fastest(t, writer, watcher); took > 500*time.Millisecond {
				t.Errorf("the fastest of ten was heard after %v", took)
			}
		})
	}
}

// A user whom the server allows no channel, neither to publish nor to subscribe, hears within 5 seconds.
func TestChannelsForbidden(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	ctx := t.Context()
	if err := r.Client.Do(ctx, "ACL", "SETUSER", r.App, "on", ">pw-"+r.App, "~{"+r.App+"_*", "resetchannels", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.NewClient().Do(context.Background(), "ACL", "DELUSER", r.App) })
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limited := func() *session.Manager {
				client := r.NewClient(func(o *redis.UniversalOptions) { o.Username, o.Password = r.App, "pw-"+r.App })
				return r.ManagerOn(client, session.Options{MaxPerPrincipal: 2, App: r.App + "_" + strings.ReplaceAll(name, " ", "-")})
			}
			a, b := limited(), limited()
			id := rig.SignIn(t, a, "ann")
			watched := watch(t, b, id)
			start := time.Now()
			c.do(t, a, id)
			wantReason(t, c.want, watched)
			if took := time.Since(start); took > 6*time.Second { // a second for a busy machine
				t.Errorf("heard after %v", took)
			}
		})
	}
}

// A failover ends no watch. Afterwards they hear as before: of what happens on the new master, at once.
func TestFailover(t *testing.T) {
	redistest.NeedServer(t)
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Stop() })
		masters, err := c.Masters(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		failover(t, "redis+cluster://"+strings.Join(c.Addrs(), ","), func() error {
			for _, master := range masters {
				replicated(t, master)
			}
			return errors.Join(masters[0].Kill(), c.WaitReady(t.Context()))
		})
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{FailAfter: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop() })
		failover(t, "redis+sentinel://"+strings.Join(s.SentinelAddrs(), ",")+"/"+s.MasterName(), func() error {
			master, err := s.Master(t.Context())
			if err != nil {
				return err
			}
			replicated(t, master)
			return errors.Join(master.Kill(), s.WaitReady(t.Context()))
		})
	})
}

func failover(t *testing.T, url string, kill func() error) {
	t.Helper()
	open := func() *session.Manager {
		m, err := session.Open(session.Config{URL: url}, session.Options{App: "shop", Logger: slog.New(slog.DiscardHandler), RetryTimeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		return m
	}
	writer, watcher := open(), open()
	watched := make(map[string]context.Context)
	for range 20 {
		id := rig.SignIn(t, writer, "ann")
		watched[id] = watch(t, watcher, id)
	}
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	for id, watched := range watched {
		rig.Until(t, "the new master answers", func() bool {
			_, err := writer.SessionsOf(t.Context(), "ann")
			return err == nil && rig.Lives(t, writer, id)
		})
		wantOpen(t, watched)
	}
	looked(t, watcher) // its connections are new
	for id, watched := range watched {
		start := time.Now()
		rig.WantErr(t, writer.End(t.Context(), id), nil)
		wantReason(t, session.Operator, watched)
		if took := time.Since(start); took > 6*time.Second { // a second for a busy machine
			t.Errorf("heard after %v", took)
		}
	}
	if took := fastest(t, writer, watcher); took > 500*time.Millisecond {
		t.Errorf("after the failover, the fastest of ten was heard after %v", took)
	}
}

// replicated waits until a master's replica has all that was written so far.
func replicated(t *testing.T, master *redistest.Server) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: master.Addr()})
	t.Cleanup(func() { _ = c.Close() })
	offset := func(of string) (n int) {
		text := c.Info(t.Context(), "replication").Val()
		if m := regexp.MustCompile(of + `(\d+)`).FindStringSubmatch(text); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		return n
	}
	written := offset("master_repl_offset:")
	rig.Until(t, "all is replicated", func() bool { return offset("slave0:.*offset=") >= written })
}
