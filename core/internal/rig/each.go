package rig

import (
	"testing"
	"testing/synctest"

	"github.com/berthgo/berth/core/redistest"
)

// Each runs a test on miniredis, on a real Redis, and in make test-all on real ones of every
// topology.
func Each(t *testing.T, test func(t *testing.T, r *Rig)) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, OnMini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, OnRedis(t))
	})
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(t)
			r.To(topology.reach(t))
			test(t, r)
		})
	}
}

// OnRedis returns a rig on a real Redis.
func OnRedis(t *testing.T) *Rig {
	if url == "" {
		t.Skip(redistest.ErrUnavailable)
	}
	r := New(t)
	r.At(url)
	return r
}

// WithServer is a rig on a redis-server of its own, which the test may restart.
func WithServer(t *testing.T, args ...string) (*redistest.Server, *Rig) {
	t.Helper()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := New(t)
	r.At(server.URL())
	return server, r
}

// InBubble runs a test on miniredis in a bubble, where time passes at once as
// soon as all goroutines wait.
func InBubble(t *testing.T, test func(t *testing.T, r *Rig)) {
	t.Parallel()
	Bubble(t, test)
}

// Bubble is InBubble for a test that is not parallel.
func Bubble(t *testing.T, test func(t *testing.T, r *Rig)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, onMini(t, true))
	})
}
