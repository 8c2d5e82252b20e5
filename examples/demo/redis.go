package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// dialTime is how long the demo waits at its start for Redis to answer.
const dialTime = 5 * time.Second

// store is the Redis that the demo uses.
type store struct {
	client *redis.Client
	name   string // without a password
	close  func()
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
	retryNot(options)
	client := redis.NewClient(options)
	name := fmt.Sprintf("%s, database %d", options.Addr, options.DB)
	if options.TLSConfig != nil {
		name += ", over TLS"
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("no answer from the Redis of REDIS_URL, %s: %w: correct REDIS_URL, or unset it for an embedded Redis", name, err)
	}
	return &store{client, name, func() { _ = client.Close() }}, nil
}

// embedRedis starts a Redis within this process. It listens on a port as well,
// for redis-cli.
func embedRedis() (*store, error) {
	embedded := miniredis.NewMiniRedis()
	embedded.ClockTTL(true) // keys expire by themselves
	if err := embedded.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the embedded Redis: %w", err)
	}
	options := &redis.Options{Addr: embedded.Addr()}
	retryNot(options)
	client := redis.NewClient(options)
	return &store{
		client: client,
		name:   embedded.Addr() + ", embedded, and gone with this process; REDIS_URL names a real one",
		close: func() {
			_ = client.Close()
			embedded.Close()
		},
	}, nil
}

// retryNot stops retries of the client: berth retries.
func retryNot(o *redis.Options) { o.MaxRetries, o.DialerRetries = -1, 1 }
