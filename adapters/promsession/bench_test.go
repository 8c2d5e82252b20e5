package promsession_test

import (
	"context"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/promsession"
	"github.com/berthgo/berth/core/session"
)

// What an Exclusive request costs. With REDIS_URL, on that Redis; otherwise on miniredis.
func BenchmarkRequest(b *testing.B) {
	options := &redis.Options{}
	if url := os.Getenv("REDIS_URL"); url != "" {
		var err error
		if options, err = redis.ParseURL(url); err != nil {
			b.Fatal("REDIS_URL cannot be read: see redis.ParseURL for its form")
		}
	} else {
		options.Addr = miniredis.RunT(b).Addr()
	}
	client := redis.NewClient(options)
	defer client.Close()
	each(b, client, func(ctx context.Context, m *session.Manager, id string) (string, error) {
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			return "", err
		}
		s.Set("n", session.GetOr(s, "n", 0)+1)
		err = s.Commit(ctx)
		return s.ID(), err
	})
}

// What the collector alone costs: a begin and a commit that make no call to Redis.
func BenchmarkObservers(b *testing.B) {
	each(b, redis.NewClient(&redis.Options{}), func(ctx context.Context, m *session.Manager, _ string) (string, error) {
		s, err := m.Begin(ctx, "", session.Exclusive)
		if err != nil {
			return "", err
		}
		return "", s.Commit(ctx)
	})
}

func each(b *testing.B, client redis.UniversalClient, request func(ctx context.Context, m *session.Manager, id string) (string, error)) {
	for _, observed := range []bool{false, true} {
		b.Run(map[bool]string{false: "without", true: "metrics"}[observed], func(b *testing.B) {
			m, err := session.New(client, session.Options{App: "bench-promsession"})
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			if observed {
				defer promsession.NewCollector(m, nil).Stop()
			}
			id := ""
			b.ReportAllocs()
			for b.Loop() {
				if id, err = request(b.Context(), m, id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
