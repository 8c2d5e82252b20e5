package rig

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/berthgo/berth/core/redistest"
)

// url is where a real Redis is, "" if there is none.
var url string

// URL is where the real Redis of a test run is, "" if there is none.
func URL() string { return url }

// Main runs the tests of a package. Its TestMain calls it.
func Main(m *testing.M) {
	redis.SetLogger(silence{}) // servers go away by the dozen here
	redistest.Main(m, func(at string) { url = at }, func() error { return errors.Join(stopTopologies(), goleak.Find()) })
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
