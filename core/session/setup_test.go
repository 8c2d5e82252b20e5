package session_test

import (
	"bytes"
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
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // servers go away by the dozen here
	redistest.Main(m, func(url string) { realURL = url }, func() error { return errors.Join(stopTopologies(), goleak.Find()) })
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// rig is a Redis for one test, and what the test needs around it.
type rig struct {
	t      *testing.T
	app    string
	mini   *miniredis.Miniredis  // nil on a real Redis
	client redis.UniversalClient // sees no faults, is not counted
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	reach  redis.UniversalOptions // how to reach a real Redis

	beside sync.WaitGroup // what goes on beside the test
}

var apps atomic.Int64

func newRig(t *testing.T) *rig {
	r := &rig{t: t, app: fmt.Sprintf("test%d-%d", os.Getpid(), apps.Add(1))}
	t.Cleanup(r.beside.Wait)
	return r
}

// waiter begins an Exclusive session beside the test, and returns what waits for it. If the
// test fails meanwhile, it ends when the managers are closed and the waiter is told.
func (r *rig) waiter(m *session.Manager, id string) (got func() *session.Session) {
	var s *session.Session
	var err error
	done := make(chan struct{})
	r.beside.Go(func() {
		defer close(done)
		s, err = m.Begin(context.Background(), id, session.Exclusive)
	})
	return func() *session.Session {
		r.t.Helper()
		<-done
		if err != nil {
			r.t.Fatalf("Begin: %v", err)
		}
		return s
	}
}

// onEach runs a test on miniredis, on a real Redis, and in make test-all on real ones of every
// topology.
func onEach(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, onMini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, onReal(t))
	})
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.reach = topology.reach(t)
			r.client = r.newClient()
			test(t, r)
		})
	}
}

// onReal returns a rig on a real Redis.
func onReal(t *testing.T) *rig {
	if realURL == "" {
		t.Skip(redistest.ErrUnavailable)
	}
	r := newRig(t)
	r.at(realURL)
	return r
}

// at has the rig use the server at a URL.
func (r *rig) at(url string) {
	r.t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		r.t.Fatal(err)
	}
	r.reach = redis.UniversalOptions{Addrs: []string{o.Addr}, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLSConfig}
	r.client = r.newClient()
}

// withServer is a rig on a redis-server of its own, which the test may restart.
func withServer(t *testing.T, args ...string) (*redistest.Server, *rig) {
	t.Helper()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := newRig(t)
	r.at(server.URL())
	return server, r
}

// inBubble runs a test on miniredis in a bubble, where time passes at once as
// soon as all goroutines wait.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	bubble(t, test)
}

func bubble(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, onMini(t))
	})
}

// onMini returns a rig on a miniredis of its own.
func onMini(t *testing.T) *rig {
	r := newRig(t)
	r.mini = miniredis.NewMiniRedis()
	r.mini.ClockTTL(true)
	t.Cleanup(r.mini.Close)
	clock := &clock{mini: r.mini}
	clock.set()
	r.dial = func(context.Context, string, string) (net.Conn, error) { return dialMini(clock) }
	r.client = r.newClient()
	return r
}

// clock is the time of a miniredis. It is set when something is sent, and stands still in
// between: as in Redis, no key expires in the middle of a script.
type clock struct {
	mini *miniredis.Miniredis
	mu   sync.Mutex // so that it is not set back
}

func (c *clock) set() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mini.SetTime(time.Now().UTC())
}

// dialMini returns a connection to a miniredis that takes what is written at once, as
// the network does and [net.Pipe] does not: a pipeline is written before its first
// reply is read.
func dialMini(clock *clock) (net.Conn, error) {
	conn, err := clock.mini.Dial()
	if err != nil {
		return nil, err
	}
	c := &bufferedConn{Conn: conn, clock: clock, closed: make(chan struct{}), written: make(chan []byte, 1000)}
	go c.flush()
	return c, nil
}

type bufferedConn struct {
	net.Conn
	clock   *clock
	written chan []byte
	closed  chan struct{}
	once    sync.Once
}

func (c *bufferedConn) Write(b []byte) (int, error) {
	select {
	case c.written <- bytes.Clone(b):
		return len(b), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

// flush ends when the connection is closed.
func (c *bufferedConn) flush() {
	for {
		select {
		case b := <-c.written:
			c.clock.set()
			_, _ = c.Conn.Write(b)
		case <-c.closed:
			return
		}
	}
}

func (c *bufferedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// newClient returns a client that does not retry and is closed with the test.
func (r *rig) newClient(change ...func(o *redis.UniversalOptions)) redis.UniversalClient {
	o := r.reach
	if r.mini != nil {
		o.Addrs = []string{"127.0.0.1:1"}
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	o.Dialer = r.dial
	for _, f := range change {
		f(&o)
	}
	c := redis.NewUniversalClient(&o)
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// manager returns a manager of the rig's own application.
func (r *rig) manager(o session.Options) *session.Manager {
	return r.managerOn(r.newClient(), o)
}

func (r *rig) managerOn(c redis.UniversalClient, o session.Options) *session.Manager {
	r.t.Helper()
	if o.App == "" {
		o.App = r.app
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := session.New(c, o)
	if err != nil {
		r.t.Fatal(err)
	}
	m.Crowd()
	r.t.Cleanup(func() { _ = m.Close() })
	return m
}

// key returns the key of a session with that ID, or that handle.
func (r *rig) key(id, suffix string) string { return "{" + r.app + "_" + handleOf(id) + "}_" + suffix }

// handleOf returns the handle of an ID, or of a handle.
func handleOf(id string) string {
	handle, _, _ := strings.Cut(id, ".")
	return handle
}

func (r *rig) exists(key string) bool {
	r.t.Helper()
	n, err := r.client.Exists(context.Background(), key).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	return n == 1
}

// keys returns all keys of the rig's application.
func (r *rig) keys() []string {
	r.t.Helper()
	ctx := context.Background()
	var mu sync.Mutex
	var keys []string
	scan := func(ctx context.Context, c redis.UniversalClient) error {
		scan := c.Scan(ctx, 0, "{"+r.app+"_*", 1000).Iterator()
		for scan.Next(ctx) {
			mu.Lock()
			keys = append(keys, scan.Val())
			mu.Unlock()
		}
		return scan.Err()
	}
	var err error
	if cluster, ok := r.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return scan(ctx, c) })
	} else {
		err = scan(ctx, r.client)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return keys
}

func (r *rig) hget(id, field string) string {
	r.t.Helper()
	v, err := r.client.HGet(context.Background(), r.key(id, "Data"), field).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		r.t.Fatal(err)
	}
	return v
}

// saved makes a session with these keys and values, and returns its ID.
func saved(t *testing.T, m *session.Manager, pairs ...any) string {
	t.Helper()
	s := begin(t, m, "", session.Exclusive)
	for i := 0; i < len(pairs); i += 2 {
		s.Set(pairs[i].(string), pairs[i+1])
	}
	if len(pairs) == 0 {
		s.Set("k", "v")
	}
	commit(t, s)
	return s.ID()
}

func begin(t *testing.T, m *session.Manager, id string, access session.Access) *session.Session {
	t.Helper()
	s, err := m.Begin(context.Background(), id, access)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return s
}

func commit(t *testing.T, s *session.Session) {
	t.Helper()
	if err := s.Commit(context.Background()); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// get returns a value that must be there.
func get[T any](t *testing.T, s *session.Session, key string) T {
	t.Helper()
	v, err := session.Get[T](s, key)
	if err != nil {
		t.Fatalf("Get %q: %v", key, err)
	}
	return v
}

// view begins a ReadOnly session and ends it with the test.
func view(t *testing.T, m *session.Manager, id string) *session.Session {
	t.Helper()
	s := begin(t, m, id, session.ReadOnly)
	t.Cleanup(func() { s.Rollback(context.Background()) })
	return s
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// until polls for a condition that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// trips counts round trips of a client.
type trips struct{ n atomic.Int64 }

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

func increment(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	s, err := m.Begin(context.Background(), id, session.Exclusive)
	if err != nil {
		t.Error(err)
		return
	}
	n, err := session.Get[int](s, "n")
	if err != nil {
		t.Error(err)
	}
	s.Set("n", n+1)
	if err := s.Commit(context.Background()); err != nil {
		t.Error(err)
	}
}
