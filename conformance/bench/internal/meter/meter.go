// Package meter reads what a run has used: of Redis, of this process, and of the
// connection between the two.
package meter

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/wire"
)

// Reading is the state of all counters at one moment.
type Reading struct {
	// RedisCPU is what the server has used, in user and kernel mode.
	RedisCPU time.Duration
	// ClientCPU is the same of this process: servers and load generator.
	ClientCPU time.Duration
	// Allocs is how many objects this process has ever allocated.
	Allocs uint64
	Trips  int64
	Sent   int64
}

// Meter reads the counters of one target.
type Meter struct {
	Redis *redis.Client
	Wire  *wire.Counter
}

// Read reads all counters.
func (m Meter) Read(ctx context.Context) (Reading, error) {
	redisCPU, err := RedisCPU(ctx, m.Redis)
	if err != nil {
		return Reading{}, err
	}
	clientCPU, err := processCPU()
	if err != nil {
		return Reading{}, err
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return Reading{
		RedisCPU: redisCPU, ClientCPU: clientCPU, Allocs: stats.Mallocs,
		Trips: m.Wire.Trips(), Sent: m.Wire.Sent(),
	}, nil
}

// Since is what was used between two readings.
func (r Reading) Since(before Reading) Reading {
	return Reading{
		RedisCPU: r.RedisCPU - before.RedisCPU, ClientCPU: r.ClientCPU - before.ClientCPU,
		Allocs: r.Allocs - before.Allocs, Trips: r.Trips - before.Trips, Sent: r.Sent - before.Sent,
	}
}

// RedisCPU is how much CPU the server has used since it was started.
func RedisCPU(ctx context.Context, client *redis.Client) (time.Duration, error) {
	v, err := info(ctx, client, "cpu", "used_cpu_user", "used_cpu_sys")
	if err != nil {
		return 0, err
	}
	return time.Duration((v[0] + v[1]) * float64(time.Second)), nil
}

// RedisMemory is the bytes that the server has allocated.
func RedisMemory(ctx context.Context, client *redis.Client) (float64, error) {
	v, err := info(ctx, client, "memory", "used_memory")
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// info returns fields of a section of INFO that are numbers.
func info(ctx context.Context, client *redis.Client, section string, fields ...string) ([]float64, error) {
	sections, err := client.InfoMap(ctx, section).Result()
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	values := make([]float64, len(fields))
	for i, field := range fields {
		for _, content := range sections { // the one that was asked for
			if values[i], err = strconv.ParseFloat(content[field], 64); err != nil {
				return nil, fmt.Errorf("meter: %s of INFO: %w", field, err)
			}
		}
	}
	return values, nil
}
