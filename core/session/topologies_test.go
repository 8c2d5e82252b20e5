//go:build testall

package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// patient is how long a server must be silent to be replaced, where none is to be: on a
// busy machine one may be for a while.
const patient = 30 * time.Second

// topologies are those that [onEach] runs a test on, beside miniredis and one redis-server.
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

// onTopology returns a rig on one of the topologies.
func onTopology(t *testing.T, name string) *rig {
	t.Helper()
	r := newRig(t)
	r.reach = topologies[name].reach(t)
	r.client = r.newClient()
	return r
}

// rounds is how often a test does something: few times in make test, and many in make test-all.
func rounds(_, many int) int { return many }
