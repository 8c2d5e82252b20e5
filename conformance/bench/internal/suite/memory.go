package suite

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/load"
	"github.com/berthgo/berth/conformance/bench/internal/meter"
	"github.com/berthgo/berth/conformance/bench/internal/target"
	"github.com/berthgo/berth/core/redistest"
)

// memory makes sessions as visitors do, one by one, and asks Redis how much it has
// allocated since. How many it makes is a power of two, as Redis's tables grow by that.
func (s *suite) memory(ctx context.Context, r *figure.Results) error {
	s.Log("memory: %d sessions each", s.MemorySessions)
	for _, t := range target.All() {
		if !t.Stores {
			continue
		}
		each, err := s.memoryOf(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		r.Memory = append(r.Memory, figure.Memory{
			Target: t.Name, Sessions: s.MemorySessions, Content: small.Fields * small.Size, Each: each,
		})
	}
	return nil
}

// memoryOf has a server of its own: the buffers of a hundred connections, which Redis
// frees when it sees fit, would blur the figure.
func (s *suite) memoryOf(ctx context.Context, t target.Target) (_ float64, err error) {
	server, err := redistest.Start(ctx, redistest.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	admin := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer admin.Close()
	running, err := t.Start(ctx, server.Addr(), 1)
	if err != nil {
		return 0, err
	}
	defer running.Stop()
	c, err := load.Dial(running.Addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.Open(small.Path()); err != nil { // now it is connected, and has its scripts
		return 0, err
	}
	if err := admin.FlushAll(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := meter.RedisMemory(ctx, admin)
	if err != nil {
		return 0, err
	}
	for range s.MemorySessions {
		if _, err := c.Open(small.Path()); err != nil {
			return 0, err
		}
	}
	after, err := meter.RedisMemory(ctx, admin)
	return (after - before) / float64(s.MemorySessions), err
}
