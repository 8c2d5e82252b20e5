package session_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// benchManager is on a real Redis if there is one. Allocations count the same on both.
func benchManager(b *testing.B) *session.Manager {
	o := &redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}
	if support.URL() != "" {
		var err error
		if o, err = redis.ParseURL(support.URL()); err != nil {
			b.Fatal(err)
		}
	} else {
		b.Log(redistest.ErrUnavailable)
		mini := miniredis.NewMiniRedis()
		b.Cleanup(mini.Close)
		o.Dialer = func(context.Context, string, string) (net.Conn, error) { return mini.Dial() }
	}
	client := redis.NewClient(o)
	b.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{App: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	return m
}

func benchSession(b *testing.B, m *session.Manager) string {
	s, err := m.Begin(context.Background(), "", session.Exclusive)
	if err != nil {
		b.Fatal(err)
	}
	s.Set("n", 0)
	s.Set("payload", strings.Repeat("x", 500))
	if err := s.Commit(context.Background()); err != nil {
		b.Fatal(err)
	}
	return s.ID()
}

func BenchmarkNoCookie(b *testing.B) {
	m := benchManager(b)
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
}

func BenchmarkReadOnly(b *testing.B) {
	m := benchManager(b)
	id := benchSession(b, m)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		s, err := m.Begin(ctx, id, session.ReadOnly)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := session.Get[int](s, "n"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExclusive(b *testing.B) { benchExclusive(b, benchManager(b)) }

// BenchmarkObserved is BenchmarkExclusive with an observer that does nothing.
func BenchmarkObserved(b *testing.B) {
	m := benchManager(b)
	m.Observe(session.Observer{Event: func(context.Context, session.Event) {}})
	benchExclusive(b, m)
}

func benchExclusive(b *testing.B, m *session.Manager) {
	id := benchSession(b, m)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			b.Fatal(err)
		}
		n, err := session.Get[int](s, "n")
		if err != nil {
			b.Fatal(err)
		}
		s.Set("n", n+1)
		if err := s.Commit(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionID(b *testing.B) {
	m := benchManager(b)
	header := http.Header{"Cookie": {"theme=dark; session=" + session.NewID() + "; lang=en"}}
	b.ReportAllocs()
	for b.Loop() {
		if m.Adapter().SessionID(header) == "" {
			b.Fatal("not found")
		}
	}
}

// BenchmarkBegin is the first half of an Exclusive request; the commit is not timed.
func BenchmarkBegin(b *testing.B) { benchHalf(b, true) }

// BenchmarkCommit is the second half; the begin is not timed.
func BenchmarkCommit(b *testing.B) { benchHalf(b, false) }

func benchHalf(b *testing.B, first bool) {
	m := benchManager(b)
	id := benchSession(b, m)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if !first {
			b.StopTimer()
		}
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			b.Fatal(err)
		}
		s.Set("n", n)
		if first {
			b.StopTimer()
		} else {
			b.StartTimer()
		}
		if err := s.Commit(ctx); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkTracking looks for changes in a session of 20 values: untouched, read as what
// cannot be changed in place, read as what can, and set.
func BenchmarkTracking(b *testing.B) {
	m := benchManager(b)
	ctx := context.Background()
	s, err := m.Begin(ctx, "", session.Exclusive)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		s.Set(fmt.Sprint("key", i), map[string]int{"apples": i, "pears": 2 * i})
	}
	if err := s.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	for name, touch := range map[string]func(s *session.Session, key string){
		"untouched": func(*session.Session, string) {},
		"read":      func(s *session.Session, key string) { _, _ = session.Get[map[string]int](s, key) },
		"set":       func(s *session.Session, key string) { s.Set(key, 1) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := m.Begin(ctx, s.ID(), session.Shared)
			if err != nil {
				b.Fatal(err)
			}
			for i := range 20 {
				touch(s, fmt.Sprint("key", i))
			}
			b.ReportAllocs()
			for b.Loop() {
				if changed, err := s.Delta(); err != nil || (changed == 20) != (name == "set") {
					b.Fatal(changed, err)
				}
			}
		})
	}
}

func BenchmarkID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = session.NewID()
	}
}

func BenchmarkCookie(b *testing.B) {
	m := benchManager(b)
	id := session.NewID()
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Header(id)
	}
}
