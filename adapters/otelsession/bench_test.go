package otelsession_test

import (
	"context"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/berthgo/berth/adapters/otelsession"
	"github.com/berthgo/berth/core/session"
)

// What an Exclusive request costs. With REDIS_URL, on that Redis; otherwise on miniredis.
func BenchmarkRequest(b *testing.B) { each(b, request) }

// What the observers alone cost: a begin and a commit that make no call to Redis.
func BenchmarkObservers(b *testing.B) {
	each(b, func(b *testing.B, observe func(*session.Manager)) {
		m, err := session.New(redis.NewClient(&redis.Options{}), session.Options{App: "bench-otelsession"})
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		observe(m)
		ctx := context.Background()
		b.ReportAllocs()
		for b.Loop() {
			s, err := m.Begin(ctx, "", session.Exclusive)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Commit(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func each(b *testing.B, run func(b *testing.B, observe func(*session.Manager))) {
	b.Run("without", func(b *testing.B) { run(b, func(*session.Manager) {}) })
	observed := func(opts ...otelsession.Option) func(*session.Manager) {
		return func(m *session.Manager) {
			stop, err := otelsession.Observe(m, opts...)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(stop)
		}
	}
	meters := otelsession.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	tracers := func(s sdktrace.Sampler) otelsession.Option {
		return otelsession.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(s)))
	}
	b.Run("noProvider", func(b *testing.B) { run(b, observed()) })
	b.Run("metrics", func(b *testing.B) { run(b, observed(meters)) })
	b.Run("metricsAndTracesNotSampled", func(b *testing.B) { run(b, observed(meters, tracers(sdktrace.NeverSample()))) })
	b.Run("metricsAndTraces", func(b *testing.B) { run(b, observed(meters, tracers(sdktrace.AlwaysSample()))) })
}

func request(b *testing.B, observe func(*session.Manager)) {
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
	m, err := session.New(client, session.Options{App: "bench-otelsession"})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	observe(m)
	id := ""
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			b.Fatal(err)
		}
		s.Set("n", session.GetOr(s, "n", 0)+1)
		if err := s.Commit(ctx); err != nil {
			b.Fatal(err)
		}
		id = s.ID()
	}
}
