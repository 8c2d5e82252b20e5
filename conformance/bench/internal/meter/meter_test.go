package meter_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/meter"
	"github.com/berthgo/berth/conformance/bench/internal/wire"
	"github.com/berthgo/berth/core/redistest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var counter wire.Counter
	measured := redis.NewClient(&redis.Options{Addr: server.Addr(), Dialer: counter.Dial})
	defer measured.Close()
	own := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer own.Close()

	m := meter.Meter{Redis: own, Wire: &counter}
	if err := measured.Ping(t.Context()).Err(); err != nil { // connects
		t.Fatal(err)
	}
	memory, err := meter.RedisMemory(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	before, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 1<<20)
	const times = 20
	for range times {
		if err := measured.Set(t.Context(), "k", value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	after, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	used := after.Since(before)
	if used.RedisCPU <= 0 || used.ClientCPU <= 0 || used.Allocs == 0 {
		t.Errorf("nothing was used: %+v", used)
	}
	if used.Trips != times || used.Sent < times<<20 || used.Sent > times<<20+times*64 {
		t.Errorf("%d round trips and %d bytes, want %d and little more than %d", used.Trips, used.Sent, times, times<<20)
	}
	if now, err := meter.RedisMemory(t.Context(), own); err != nil || now-memory < 1<<20 {
		t.Errorf("memory grew from %v to %v, %v", memory, now, err)
	}
}
