//go:build testall

package rig

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

// Patient is how long a server must be silent to be replaced, where none is to be: on a
// busy machine one may be for a while.
const Patient = 30 * time.Second

// topologies are those that [Each] runs a test on, beside miniredis and one redis-server.
var topologies = map[string]*topology{
	"cluster": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		c, err := redistest.StartCluster(ctx, redistest.ClusterOptions{Replicas: 1, FailAfter: Patient})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: c.Addrs(), IsClusterMode: true}, c.Stop, nil
	}},
	"sentinel": {start: func(ctx context.Context) (o redis.UniversalOptions, stop func() error, err error) {
		s, err := redistest.StartSentinel(ctx, redistest.SentinelOptions{FailAfter: Patient})
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
			"user berth on >secret ~* &* -@all " + strings.Join(append(Permissions, forTests...), " "),
		}})
		if err != nil {
			return o, nil, err
		}
		return redis.UniversalOptions{Addrs: []string{s.Addr()}, Username: "berth", Password: "secret"}, s.Stop, nil
	}},
}

// forTests are what tests use beside the engine, to look at keys and to plant some.
var forTests = []string{"+get", "+hget", "+hset", "+set", "+exists", "+pttl", "+del", "+zcard", "+script|flush", "+lpush", "+rpush", "+pexpire", "+hdel", "+hgetall", "+scan", "+info", "+expire", "+sadd", "+hlen", "+hkeys", "+type", "+dbsize", "+persist", "+incr"}

// OnTopology returns a rig on one of the topologies.
func OnTopology(t *testing.T, name string) *Rig {
	t.Helper()
	r := New(t)
	r.To(topologies[name].reach(t))
	return r
}

// Rounds is how often a test does something: few times in make test, and many in make test-all.
func Rounds(_, many int) int { return many }

// Permissions are the commands that the engine needs, as docs/redis.md lists them.
var Permissions = Listed(`(?m)^[+].*$`)

// Listed returns the words of the lines of the first block in docs/redis.md that match. go test
// runs a test in the folder of its package.
func Listed(lines string) []string {
	page := "docs/redis.md"
	text, err := os.ReadFile(page)
	for up := 0; errors.Is(err, fs.ErrNotExist) && up < 9; up++ {
		page = "../" + page
		text, err = os.ReadFile(page)
	}
	if err != nil {
		panic(err)
	}
	var words []string
	for _, line := range regexp.MustCompile(lines).FindAllString(string(text), -1) {
		words = append(words, strings.Fields(line)...)
	}
	return words
}
