package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/session"
)

const (
	// endSweep is how often HandleEnds looks for ends. The first time is at once.
	endSweep = 50 * time.Millisecond
	// endPoll is how often it looks whether all were handed out.
	endPoll = 5 * time.Millisecond
	// endLimit is how long it waits for one.
	endLimit = 10 * time.Second
)

// HandleEnds hands every session that has ended to a handler, as [session.Manager.HandleEnd] does, and
// returns when all of them were handed out. It needs Options.TrackEnd. It returns how many they were,
// and what the handler returned.
//
// The handler gets one end at a time, in no order. If it returns an error, panics or stops its
// goroutine, the next call of HandleEnds hands that end out again, without waiting for LockTTL. After
// Options.EndAttempts the end is kept aside.
//
// A handler that the application runs with HandleEnd of its Manager may take some of the ends.
// If an end is not handed out for 10 seconds, the test fails.
func (s *Sessions) HandleEnds(handle func(ctx context.Context, e session.Ended) error) (int, error) {
	s.t.Helper()
	if !s.options.TrackEnd {
		s.t.Fatalf("sessiontest: HandleEnds needs Options.TrackEnd")
	}
	parent := context.WithoutCancel(s.t.Context())
	left := s.due(parent)
	if len(left) == 0 {
		return 0, nil
	}
	ctx, stop := context.WithCancel(parent)
	defer stop()
	h := &handing{begun: make(map[string]bool), handled: make(map[string]bool), last: time.Now()}
	stopped := make(chan error, 1)
	go func() { stopped <- s.manager.HandleEnd(ctx, h.wrap(handle)) }()
	ticker := time.NewTicker(endPoll)
	defer ticker.Stop()
	for len(left) > 0 {
		<-ticker.C
		for one, bucket := range left {
			if h.has(one) || !s.hasten(parent, h, bucket, one) {
				delete(left, one)
			}
		}
		if h.stuck() {
			s.t.Fatalf("sessiontest: HandleEnds: %d ends were not handed out; does another HandleEnd have them?", len(left))
		}
	}
	stop()
	if err := <-stopped; err != nil {
		s.t.Fatalf("sessiontest: HandleEnds: %v", err)
	}
	return len(h.handled), errors.Join(h.failed...)
}

// due returns the sessions that have ended, and the bucket of each.
func (s *Sessions) due(ctx context.Context) map[string]string {
	s.t.Helper()
	k, due := s.keys(), make(map[string]string)
	for bucket := range store.Buckets {
		listed, err := s.redis.ZRangeWithScores(ctx, k.Ends(bucket), 0, -1).Result()
		if err != nil {
			s.t.Fatalf("sessiontest: HandleEnds: %v", err)
		}
		for _, one := range listed {
			handle := one.Member.(string)
			ended, alive, data := s.exists(ctx, k.Ended(handle)), s.exists(ctx, k.Alive(handle)), s.exists(ctx, k.Data(handle))
			if ended && alive { // it was abandoned or ended within the last millisecond
				if err := s.redis.Del(ctx, k.Alive(handle)).Err(); err != nil {
					s.t.Fatalf("sessiontest: HandleEnds: %v", err)
				}
			}
			// A session without any is about to be saved, until its deadline.
			passed := one.Score <= float64(time.Now().UnixMilli())
			if ended || !alive && (data || passed) {
				due[handle] = k.Ends(bucket)
			}
		}
	}
	return due
}

func (s *Sessions) exists(ctx context.Context, key string) bool {
	s.t.Helper()
	n, err := s.redis.Exists(ctx, key).Result()
	if err != nil {
		s.t.Fatalf("sessiontest: HandleEnds: %v", err)
	}
	return n == 1
}

// hasten makes an end due that nobody handles, and tells whether it is still in the index.
func (s *Sessions) hasten(ctx context.Context, h *handing, bucket, handle string) bool {
	s.t.Helper()
	if err := s.redis.ZScore(ctx, bucket, handle).Err(); err != nil {
		return false
	}
	if !s.exists(ctx, s.keys().Claim(handle)) {
		h.before(handle, func() {
			s.forgetPatience(ctx, handle)
			s.makeDue(ctx, bucket, handle)
		})
	}
	return true
}

// forgetPatience has an end without data be found an hour ago: it is handed out a minute later.
func (s *Sessions) forgetPatience(ctx context.Context, handle string) {
	s.t.Helper()
	key := s.keys().Ended(handle)
	meta, err := s.redis.HGet(ctx, key, store.MetaField).Result()
	var used, found int64
	if _, wrong := fmt.Sscanf(meta, "2 ended unknown %d %d 0 ", &used, &found); wrong != nil {
		return // there are data, or nobody has looked
	}
	if err == nil {
		early := fmt.Sprintf("2 ended unknown %d %d 0 0 0 ", used, found-time.Hour.Milliseconds())
		err = s.redis.HSet(ctx, key, store.MetaField, early).Err()
	}
	if err != nil {
		s.t.Fatalf("sessiontest: HandleEnds: %v", err)
	}
}

// handing is what one call of HandleEnds has handed out.
type handing struct {
	mu      sync.Mutex
	begun   map[string]bool // the handler was called
	handled map[string]bool // the handler has returned
	failed  []error
	running bool
	last    time.Time // when a handler returned last
}

var errNotReturned = errors.New("sessiontest: the handler of ends did not return: it panicked, or stopped its goroutine as FailNow does")

func (h *handing) wrap(handle func(ctx context.Context, e session.Ended) error) func(ctx context.Context, e session.Ended) error {
	return func(ctx context.Context, e session.Ended) error {
		h.start(e.Handle)
		err := errNotReturned
		defer func() { h.end(e.Handle, err) }()
		err = handle(ctx, e)
		return err
	}
}

func (h *handing) start(handle string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running, h.begun[handle] = true, true
}

// before calls f unless the handler was called for the session, and has the handler wait for f. An end that has
// failed is due later: made due again, it would be handed out twice in one call.
func (h *handing) before(handle string, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun[handle] {
		f()
	}
}

func (h *handing) end(handle string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running, h.last, h.handled[handle] = false, time.Now(), true
	if err != nil {
		h.failed = append(h.failed, err)
	}
}

func (h *handing) has(handle string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.handled[handle]
}

func (h *handing) stuck() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.running && time.Since(h.last) > endLimit
}
