package conformance

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long [Run] waits for something that must happen.
const patience = 20 * time.Second

// rig is what one case works with.
type rig struct {
	T
	adapter Adapter
	redis   Redis
	look    redis.UniversalClient // sees no faults and is not counted
	app     string

	patience time.Duration
}

var apps atomic.Int64

func newRig(t T, a Adapter, b Backend, patience time.Duration) *rig {
	t.Helper()
	r := &rig{
		T: t, adapter: a, app: fmt.Sprintf("conformance%d-%d.", os.Getpid(), apps.Add(1)),
		patience: patience,
	}
	r.redis = b.Open(t)
	r.look = r.client()
	t.Cleanup(r.clean)
	return r
}

// client returns a client of the case's Redis.
func (r *rig) client() redis.UniversalClient {
	c := r.redis.Client()
	r.Cleanup(func() { _ = c.Close() })
	return c
}

// clean removes what the case left in Redis. A witness looks for secrets in there too.
func (r *rig) clean() {
	if r.adapter.witness != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), r.patience)
	defer cancel()
	for _, key := range r.scan(ctx) {
		r.look.Del(ctx, key)
	}
}

func (r *rig) scan(ctx context.Context) []string {
	var keys []string
	found := r.look.Scan(ctx, 0, "*"+r.app+"*", 1000).Iterator()
	for found.Next(ctx) {
		keys = append(keys, found.Val())
	}
	if err := found.Err(); err != nil {
		r.Errorf("SCAN: %v", err)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// keys returns the keys of the case's application in Redis.
func (r *rig) keys() []string {
	r.Helper()
	return r.scan(r.Context())
}

// key returns a key of the session with that ID.
func (r *rig) key(id, kind string) string { return "{" + r.app + "_" + handleOf(id) + "}_" + kind }

// handleOf returns the handle in an ID: the half before the dot.
func handleOf(id string) string {
	handle, _, _ := strings.Cut(id, ".")
	return handle
}

// stored returns what Redis has under a key of a session, "" if nothing.
func (r *rig) stored(id, key string) string {
	r.Helper()
	value, err := r.look.HGet(r.Context(), r.key(id, "Data"), key).Result()
	if err != nil && err != redis.Nil { //nolint:errorlint // as go-redis documents it
		r.Fatalf("HGET: %v", err)
	}
	return strings.Trim(value, `"`)
}

func (r *rig) wantStored(id, key, want string) {
	r.Helper()
	if got := r.stored(id, key); got != want {
		r.Errorf("Redis has %q under %q, want %q", got, key, want)
	}
}

func (r *rig) locked(id string) bool {
	r.Helper()
	n, err := r.look.Exists(r.Context(), r.key(id, "Lock")).Result()
	if err != nil {
		r.Fatalf("EXISTS: %v", err)
	}
	return n == 1
}

func (r *rig) wantUnlocked(id string) {
	r.Helper()
	if r.locked(id) {
		r.Errorf("the session is still locked")
	}
}

// moments are the times in a session's own facts: when its principal signed in, in ms; when the
// cookie was sent and when the principal's index was told, in seconds.
var moments = regexp.MustCompile(`[asl]\d+`)

// earlier subtracts d from the times in a session's own facts.
func earlier(extras string, d time.Duration) string {
	return moments.ReplaceAllStringFunc(extras, func(match string) string {
		unit := time.Second
		if match[0] == 'a' {
			unit = time.Millisecond
		}
		at, _ := strconv.ParseInt(match[1:], 10, 64)
		return fmt.Sprintf("%c%d", match[0], at-int64(d/unit))
	})
}

// pass lets time pass for all sessions of the case: for their keys, and for the times in the field
// "_berth".
func (r *rig) pass(d time.Duration) {
	r.Helper()
	for _, key := range r.keys() {
		if !strings.HasSuffix(key, "_Data") {
			continue
		}
		var version, timeout, created int64
		var extras, commit string
		meta := r.look.HGet(r.Context(), key, "_berth").Val()
		if strings.HasPrefix(meta, "2 retired ") {
			continue
		}
		if _, err := fmt.Sscan(meta, &version, &timeout, &created, &extras, &commit); err != nil || version != 2 {
			r.Fatalf("the suite does not know the format of _berth: %v", err)
		}
		_, rest, _ := strings.Cut(meta, " "+commit+" ")
		older := fmt.Sprintf("2 %d %d %s %s %s", timeout, created-d.Milliseconds(), earlier(extras, d), commit, rest)
		if err := r.look.HSet(r.Context(), key, "_berth", older).Err(); err != nil {
			r.Fatalf("HSET: %v", err)
		}
	}
	if err := r.redis.Pass(r.Context(), "{"+r.app+"_*", d); err != nil {
		r.Fatalf("time does not pass: %v", err)
	}
}

// until polls for what must become true.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	deadline := time.Now().Add(r.patience)
	for !ok() {
		if time.Now().After(deadline) {
			r.Fatalf("it never happened: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// receive waits for a value from a channel.
func receive[V any](r *rig, what string, from <-chan V) V {
	r.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(r.patience):
		r.Fatalf("it never happened: %s", what)
		panic("unreachable")
	}
}

// gate stops handlers until the test opens it. At the end of the case it opens by itself.
type gate struct {
	r       *rig
	reached chan struct{}
	opened  chan struct{}
	open    func() // may be called more than once
}

func (r *rig) gate() *gate {
	g := &gate{r: r, reached: make(chan struct{}, 1000), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	context.AfterFunc(r.Context(), g.open)
	return g
}

// pass is called by the handler, and returns when the gate is open.
func (g *gate) pass() {
	g.reached <- struct{}{}
	<-g.opened
}

// await is called by the test, and returns when one handler has reached the gate.
func (g *gate) await() {
	g.r.Helper()
	receive(g.r, "a handler runs", g.reached)
}
