package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
	"github.com/berthgo/berth/conformance/bench/internal/target"
	"github.com/berthgo/berth/core/redistest"
)

// suite is a run under way.
type suite struct {
	Config
	server  *redistest.Server
	redis   *redis.Client // the suite's own
	targets map[string]*target.Running
}

// Run measures everything.
func Run(ctx context.Context, c Config) (_ figure.Results, err error) {
	began := time.Now()
	s := &suite{Config: c, targets: map[string]*target.Running{}}
	s.server, err = redistest.Start(ctx, redistest.Options{})
	if err != nil {
		return figure.Results{}, err
	}
	defer func() {
		if stopErr := s.server.Stop(); err == nil {
			err = stopErr
		}
	}()
	// To delete millions of keys takes Redis longer than a client has patience for by default.
	s.redis = redis.NewClient(&redis.Options{Addr: s.server.Addr(), ReadTimeout: 2 * time.Minute})
	defer s.redis.Close()
	for _, t := range target.All() {
		running, err := t.Start(ctx, s.server.Addr(), c.Pool)
		if err != nil {
			return figure.Results{}, err
		}
		defer running.Stop()
		s.targets[t.Name] = running
	}

	var r figure.Results
	if r.Setting, err = s.setting(ctx); err != nil {
		return r, err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context, *figure.Results) error
	}{
		{"workloads", s.workloads},
		{"hot session", s.hot},
		{"growth", s.growth},
		{"memory", s.memory},
	} {
		if err := part.run(ctx, &r); err != nil {
			return r, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	r.Setting.Took = time.Since(began)
	return r, nil
}

// named returns running targets.
func (s *suite) named(names ...string) []*target.Running {
	var out []*target.Running
	for _, t := range target.Named(names...) {
		out = append(out, s.targets[t.Name])
	}
	return out
}

// clear empties Redis: the server is the suite's own. Scripts stay.
func (s *suite) clear(ctx context.Context) error { return s.redis.FlushAll(ctx).Err() }
