//go:build testall

package load

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Each leak is found by the load, and by its name.
func TestLeaksAreFound(t *testing.T) {
	r := newRig(t, io.Discard, 8, 80)
	r.patience = time.Second
	var mu sync.Mutex
	for what, leak := range map[string]func(ctx context.Context, s *session.Session) (free func()){
		"heap": func(context.Context, *session.Session) func() {
			kept := make([]byte, 256<<10)
			return func() { clear(kept) }
		},
		"goroutines": func(ctx context.Context, _ *session.Session) func() {
			go func() { <-ctx.Done() }()
			return func() {}
		},
		"connections": func(ctx context.Context, _ *session.Session) func() {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.server.Addr())
			if err != nil {
				return func() {}
			}
			return func() { _ = conn.Close() }
		},
		"keys": func(ctx context.Context, s *session.Session) func() {
			key := "{load_" + s.Handle() + "}_Left"
			_ = r.look.Set(ctx, key, "", 0).Err()
			return func() { _ = r.look.Del(context.WithoutCancel(ctx), key).Err() }
		},
	} {
		ctx, stop := context.WithCancel(t.Context())
		leaks := 200
		var all []func()
		found := r.turn(frameworks[0], plan{warm: 100 * time.Millisecond, calm: 400 * time.Millisecond, rounds: 1}, func(s *session.Session) {
			mu.Lock()
			defer mu.Unlock()
			if leaks > 0 && r.warm.Load() {
				leaks--
				all = append(all, leak(ctx, s))
			}
		}).faults()
		stop()
		for _, free := range all {
			free()
		}
		if len(found) == 0 || !strings.HasPrefix(found[0], what) {
			t.Errorf("%s leak, and the load finds %q", what, found)
		}
	}
}

// Every bound can be broken, and is the only one that is.
func TestBounds(t *testing.T) {
	t.Parallel()
	good := func() turn {
		rest := reading{heap: 10 << 20, goroutines: 70, connections: 20}
		return turn{
			clients: 64, pool: 30, warm: rest, last: rest,
			flood: flood{
				crowd: 192, served: 200, refused: 1000, kept: 200, wait: time.Second, waiting: 128,
				goroutines: 600, heap: 30 << 20, others: round{p99: 100 * time.Millisecond},
			},
		}
	}
	if found := good().faults(); len(found) > 0 {
		t.Errorf("nothing is wrong, and the load finds %q", found)
	}
	for what, broken := range map[string]func(r *turn){
		"heap: 10.0 MiB at rest":            func(r *turn) { r.last.heap += heapMayGrow + 1 },
		"goroutines: 70 at rest":            func(r *turn) { r.last.goroutines++ },
		"goroutines: 0 before":              func(r *turn) { r.left.goroutines = 1 },
		"connections: 33 to Redis at rest":  func(r *turn) { r.last.connections = 33 },
		"connections: 0 to Redis before":    func(r *turn) { r.left.connections = 1 },
		"keys: without a TTL are 1 S":       func(r *turn) { r.endless = "1 S" },
		"flood: answers that are neither":   func(r *turn) { r.flood.strange = []string{"500"} },
		"flood: nobody was refused":         func(r *turn) { r.flood.refused = 0 },
		"flood: nobody was served":          func(r *turn) { r.flood.served, r.flood.kept = 0, 0 },
		"flood: 199 changes":                func(r *turn) { r.flood.kept-- },
		"flood: 191 wait":                   func(r *turn) { r.flood.waiting = 191 },
		"flood: 10000 goroutines":           func(r *turn) { r.flood.goroutines = 10000 },
		"flood: the heap grows":             func(r *turn) { r.flood.heap = 200 << 20 },
		"flood: of requests for other sess": func(r *turn) { r.flood.others.p99 = time.Second },
	} {
		r := good()
		broken(&r)
		if found := r.faults(); len(found) != 1 || !strings.HasPrefix(found[0], what) {
			t.Errorf("%s: the load finds %q", what, found)
		}
	}
}
