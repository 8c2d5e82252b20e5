package rig

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// Rig is a Redis for one test, and what the test needs around it.
type Rig struct {
	T      *testing.T
	App    string
	Mini   *miniredis.Miniredis  // nil on a real Redis
	Client redis.UniversalClient // sees no faults, is not counted
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	Reach  redis.UniversalOptions // how to reach a real Redis
	Made   func(*session.Manager) // called with each new manager, unless nil

	bubble bool           // time passes at once
	beside sync.WaitGroup // what goes on beside the test
}

var apps atomic.Int64

// New returns a rig that has an App of its own, and no Redis yet.
func New(t *testing.T) *Rig {
	r := &Rig{T: t, App: fmt.Sprintf("test%d-%d", os.Getpid(), apps.Add(1))}
	t.Cleanup(r.beside.Wait)
	return r
}

// To has the rig use a real Redis that is reached so.
func (r *Rig) To(reach redis.UniversalOptions) {
	r.Reach = reach
	r.Client = r.NewClient()
}

// At has the rig use the server at a URL.
func (r *Rig) At(url string) {
	r.T.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		r.T.Fatal(err)
	}
	r.To(redis.UniversalOptions{Addrs: []string{o.Addr}, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLSConfig})
}

// patience is how long a call may take on a busy machine. In a bubble, time passes by itself.
const patience = 30 * time.Second

// NewClient returns a client that does not retry and is closed with the test.
func (r *Rig) NewClient(change ...func(o *redis.UniversalOptions)) redis.UniversalClient {
	o := r.Reach
	if r.Mini != nil {
		o.Addrs = []string{"127.0.0.1:1"}
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	if o.ReadTimeout == 0 && !r.bubble {
		o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience
	}
	o.Dialer = r.Dial
	for _, f := range change {
		f(&o)
	}
	c := redis.NewUniversalClient(&o)
	r.T.Cleanup(func() { _ = c.Close() })
	return c
}

// Manager returns a manager of the rig's own application.
func (r *Rig) Manager(o session.Options) *session.Manager {
	return r.ManagerOn(r.NewClient(), o)
}

// ManagerOn is Manager with a client of the test's choice.
func (r *Rig) ManagerOn(c redis.UniversalClient, o session.Options) *session.Manager {
	r.T.Helper()
	if o.App == "" {
		o.App = r.App
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := session.New(c, o)
	if err != nil {
		r.T.Fatal(err)
	}
	r.T.Cleanup(func() { _ = m.Close() })
	if r.Made != nil {
		r.Made(m)
	}
	return m
}

// Key returns the key of a session with that ID, or that handle.
func (r *Rig) Key(id, suffix string) string { return "{" + r.App + "_" + HandleOf(id) + "}_" + suffix }

// HandleOf returns the handle of an ID, or of a handle.
func HandleOf(id string) string {
	handle, _, _ := strings.Cut(id, ".")
	return handle
}

// Exists tells whether there is a key.
func (r *Rig) Exists(key string) bool {
	r.T.Helper()
	n, err := r.Client.Exists(context.Background(), key).Result()
	if err != nil {
		r.T.Fatal(err)
	}
	return n == 1
}

// Keys returns all keys of the rig's application.
func (r *Rig) Keys() []string {
	r.T.Helper()
	ctx := context.Background()
	var mu sync.Mutex
	var keys []string
	scan := func(ctx context.Context, c redis.UniversalClient) error {
		scan := c.Scan(ctx, 0, "{"+r.App+"_*", 1000).Iterator()
		for scan.Next(ctx) {
			mu.Lock()
			keys = append(keys, scan.Val())
			mu.Unlock()
		}
		return scan.Err()
	}
	var err error
	if cluster, ok := r.Client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return scan(ctx, c) })
	} else {
		err = scan(ctx, r.Client)
	}
	if err != nil {
		r.T.Fatal(err)
	}
	return keys
}

// HGet returns what Redis has under a field of a session, "" if nothing.
func (r *Rig) HGet(id, field string) string {
	r.T.Helper()
	v, err := r.Client.HGet(context.Background(), r.Key(id, "Data"), field).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		r.T.Fatal(err)
	}
	return v
}
