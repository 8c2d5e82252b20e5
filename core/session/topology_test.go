package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// patient is how long a server must be silent to be replaced, where none is to be: on a
// busy machine one may be for a while.
const patient = 30 * time.Second

// topology is a way in which Redis is set up. It is started when the first test needs
// it, and stopped after the last.
type topology struct {
	start func(ctx context.Context) (redis.UniversalOptions, func() error, error)

	once    sync.Once
	options redis.UniversalOptions
	stop    func() error
	err     error
}

var topologies = map[string]*topology{
	"cluster": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		c, err := redistest.StartCluster(ctx, redistest.ClusterOptions{Replicas: 1, FailAfter: patient})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: c.Addrs(), IsClusterMode: true}, c.Stop, nil
	}},
	"sentinel": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		s, err := redistest.StartSentinel(ctx, redistest.SentinelOptions{FailAfter: patient})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: s.SentinelAddrs(), MasterName: s.MasterName()}, s.Stop, nil
	}},
	"tls": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		s, err := redistest.Start(ctx, redistest.Options{TLS: redistest.MutualTLS, Password: "secret"})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: []string{s.Addr()}, Password: "secret", TLSConfig: s.Certificates().Config()}, s.Stop, nil
	}},
	"acl": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		s, err := redistest.Start(ctx, redistest.Options{ACL: []string{
			"user berth on >secret ~* &* -@all " + strings.Join(append(permissions, forTests...), " "),
		}})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: []string{s.Addr()}, Username: "berth", Password: "secret"}, s.Stop, nil
	}},
}

// forTests are what tests use beside the engine, to look at keys and to plant some.
var forTests = []string{"+get", "+hget", "+hset", "+set", "+exists", "+pttl", "+del", "+zcard", "+script|flush", "+lpush", "+rpush", "+pexpire", "+hdel", "+hgetall", "+scan", "+info", "+expire", "+sadd", "+hlen", "+hkeys", "+type", "+dbsize", "+persist", "+incr"}

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
