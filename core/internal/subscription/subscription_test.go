package subscription_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/internal/subscription"
)

func TestMain(m *testing.M) { rig.Main(m) }

// A server that refuses a subscription is asked again twice a minute. One that is away, or that is
// starting, is asked four times a second.
func TestHowOftenASubscriptionIsOpened(t *testing.T) {
	t.Parallel()
	subscribe := func(ctx context.Context, c redis.UniversalClient) *redis.PubSub { return c.Subscribe(ctx, "a") }
	psubscribe := func(ctx context.Context, c redis.UniversalClient) *redis.PubSub { return c.PSubscribe(ctx, "a*") }
	for name, c := range map[string]struct {
		open   func(ctx context.Context, c redis.UniversalClient) *redis.PubSub
		answer string // "" for none: the server hangs up
		want   int64  // connections in 100 seconds
	}{
		"unknown":              {subscribe, "ERR unknown command 'subscribe', with args beginning with: 'a'", 4},
		"unknown pattern":      {psubscribe, "ERR unknown command 'psubscribe', with args beginning with: 'a*'", 4},
		"forbidden":            {subscribe, "NOPERM this user has no permissions to run the 'subscribe' command", 4},
		"forbidden channel":    {subscribe, "NOPERM No permissions to access a channel", 4},
		"forbidden pattern":    {psubscribe, "NOPERM No permissions to access a channel", 4},
		"without a password":   {subscribe, "NOAUTH Authentication required.", 4},
		"a server that starts": {subscribe, "LOADING Redis is loading the dataset in memory", 400},
		"a server that leaves": {psubscribe, "", 800}, // go-redis itself connects once more
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				if err := r.Client.Ping(t.Context()).Err(); err != nil { // that starts the server
					t.Fatal(err)
				}
				r.Mini.Server().SetPreHook(func(p *server.Peer, command string, _ ...string) bool {
					if !strings.HasSuffix(strings.ToUpper(command), "SUBSCRIBE") {
						return false
					}
					if c.answer == "" {
						p.Close()
					} else {
						p.WriteError(c.answer)
					}
					return true
				})
				var opened, lost atomic.Int64
				client := r.NewClient(func(o *redis.UniversalOptions) {
					o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
						opened.Add(1)
						return r.Dial(ctx, network, addr)
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 99900*time.Millisecond)
				defer cancel()
				subscription.Keep(ctx, subscription.Subscription{
					Open: func(ctx context.Context) *redis.PubSub { return c.open(ctx, client) },
					Hear: func(message any) { t.Errorf("heard %v", message) },
					Lost: func() { lost.Add(1) },
				})
				if n := opened.Load(); n != c.want || lost.Load() != n && c.answer != "" {
					t.Errorf("%d connections, want %d; lost %d times", n, c.want, lost.Load())
				}
			})
		})
	}
}
