package conformance

import (
	"context"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Backend is a kind of Redis.
type Backend struct {
	Name string

	// Open returns a Redis for one case. Cases may share it, because keys and channels have the
	// case's own prefix.
	Open func(t T) Redis
}

// Redis is the Redis of one case.
type Redis struct {
	// Client returns a new client, which does not retry. The suite closes it.
	Client func() redis.UniversalClient

	// Pass makes d pass for all keys that match pattern. A key that had less time left is then gone.
	Pass func(ctx context.Context, pattern string, d time.Duration) error
}

// Miniredis is a new [miniredis.Miniredis] for each case, in this process.
func Miniredis() Backend {
	return Backend{Name: "miniredis", Open: func(t T) Redis {
		t.Helper()
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		if err := m.Start(); err != nil {
			t.Fatalf("miniredis does not start: %v", err)
		}
		t.Cleanup(m.Close)
		return Redis{
			Client: func() redis.UniversalClient {
				return redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
			},
			Pass: func(_ context.Context, _ string, d time.Duration) error {
				m.FastForward(d)
				return nil
			},
		}
	}}
}

// Server is the Redis at an URL such as redis://127.0.0.1:6379/0. Its keys stay.
func Server(url string) Backend {
	return Backend{Name: "redis", Open: func(t T) Redis {
		t.Helper()
		o, err := redis.ParseURL(url)
		if err != nil {
			t.Fatalf("no Redis has such an URL: %v", err)
		}
		o.MaxRetries = -1
		looking := redis.NewClient(o)
		t.Cleanup(func() { _ = looking.Close() })
		return Redis{
			Client: func() redis.UniversalClient { return redis.NewClient(o) },
			Pass: func(ctx context.Context, pattern string, d time.Duration) error {
				return pass(ctx, looking, pattern, d)
			},
		}
	}}
}

// pass takes d from what is left of the keys.
func pass(ctx context.Context, c *redis.Client, pattern string, d time.Duration) error {
	keys := c.Scan(ctx, 0, pattern, 1000).Iterator()
	for keys.Next(ctx) {
		left, err := c.PTTL(ctx, keys.Val()).Result()
		if err != nil {
			return err
		}
		if left < 0 {
			continue // the key has no TTL, or is gone
		}
		if err := c.PExpire(ctx, keys.Val(), left-d).Err(); err != nil {
			return err
		}
	}
	return keys.Err()
}
