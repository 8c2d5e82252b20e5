package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/examples/demo/stage"
)

// dialTime is how long the demo waits for a connection to Redis, and at its start for Redis to answer.
const dialTime = 5 * time.Second

// store is the Redis that the demo uses.
type store struct {
	client   *redis.Client
	power    *stage.Switch // of client
	name     string        // without a password
	embedded bool
	close    func()
}

// newStore returns a store whose client can be cut off. berth retries, and so the client does not.
func newStore(o *redis.Options) *store {
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout = cmp.Or(o.DialTimeout, dialTime) // a dialer of one's own has no default
	power := stage.NewSwitch()
	o.Dialer = power.Dialer(redis.NewDialer(o))
	client := redis.NewClient(o)
	return &store{client: client, power: power, close: func() { _ = client.Close() }}
}

// openRedis opens the Redis at a URL, or starts an embedded one if that is "".
func openRedis(ctx context.Context, url string) (*store, error) {
	if url == "" {
		return embedRedis()
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		// The error of ParseURL may quote the URL, with the password.
		return nil, errors.New("REDIS_URL is not an address of a Redis: it looks like redis://[user:password@]host:port/db, or rediss:// for TLS")
	}
	s := newStore(options)
	s.name = fmt.Sprintf("%s, database %d", options.Addr, options.DB)
	if options.TLSConfig != nil {
		s.name += ", over TLS"
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		s.close()
		return nil, fmt.Errorf("no answer from the Redis of REDIS_URL, %s: %w: correct REDIS_URL, or unset it for an embedded Redis", s.name, err)
	}
	return s, nil
}

// embedRedis starts a Redis within this process. It listens on a port as well,
// for redis-cli.
func embedRedis() (*store, error) {
	embedded := miniredis.NewMiniRedis()
	embedded.ClockTTL(true) // keys expire by themselves
	if err := embedded.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the embedded Redis: %w", err)
	}
	s := newStore(&redis.Options{Addr: embedded.Addr()})
	s.embedded = true
	s.name = embedded.Addr() + ", embedded, and gone with this process; REDIS_URL names a real one"
	s.close = func() {
		_ = s.client.Close()
		embedded.Close()
	}
	return s, nil
}
