package rig

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// topology is a way in which Redis is set up. It is started when the first test needs
// it, and stopped after the last.
type topology struct {
	start func(ctx context.Context) (redis.UniversalOptions, func() error, error)

	once    sync.Once
	options redis.UniversalOptions
	stop    func() error
	err     error
}

// reach starts the topology unless it runs, and returns how to reach it.
func (y *topology) reach(t *testing.T) redis.UniversalOptions {
	t.Helper()
	redistest.NeedServer(t)
	y.once.Do(func() { y.options, y.stop, y.err = y.start(context.Background()) })
	if errors.Is(y.err, redistest.ErrNoTLS) {
		t.Skip(y.err)
	}
	if y.err != nil {
		t.Fatal(y.err)
	}
	return y.options
}

func stopTopologies() error {
	var errs []error
	for _, y := range topologies {
		if y.stop != nil {
			errs = append(errs, y.stop())
		}
	}
	return errors.Join(errs...)
}
