package session_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// slow holds pipelines up until it is told to let them go, and counts them.
type slow struct {
	mu        sync.Mutex
	pipelines []int // their commands
	let       chan struct{}
}

func (*slow) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*slow) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (s *slow) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.mu.Lock()
		s.pipelines = append(s.pipelines, len(cmds))
		let := s.let
		s.mu.Unlock()
		<-let
		return next(ctx, cmds)
	}
}

func (s *slow) seen() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pipelines)
}

// hold makes the next pipelines wait for the returned function.
func (s *slow) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pipelines, s.let = nil, make(chan struct{})
	return func() { close(s.let) }
}

// beginsAtOnce begins sessions in goroutines of their own.
func beginsAtOnce(t *testing.T, m *session.Manager, ids []string) *sync.WaitGroup {
	t.Helper()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			s, err := m.Begin(context.Background(), id, session.Exclusive)
			if err != nil {
				t.Error(err)
				return
			}
			if n := get[string](t, s, "id"); n != id {
				t.Error("got what is another's")
			}
			commit(t, s)
		})
	}
	synctest.Wait()
	return &all
}

// savedWithTheirIDs returns sessions, after so many calls that those to come are a crowd.
func savedWithTheirIDs(t *testing.T, m *session.Manager, n int) (ids []string) {
	t.Helper()
	for range n {
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.Set("id", id)
		commit(t, s)
		ids = append(ids, id)
	}
	time.Sleep(4 * time.Millisecond) // so long they are counted at a time
	return ids
}

// While calls are under way, those that come share a pipeline, whatever retries the client has:
// it does not try those again.
func TestCallsOfManyRequestsShareARoundTrip(t *testing.T) {
	for _, retries := range []int{-1, 3} {
		t.Run(fmt.Sprintf("MaxRetries %d", retries), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				client, hook := r.NewClient(func(o *redis.UniversalOptions) { o.MaxRetries = retries }), &slow{}
				m := r.ManagerOn(client, session.Options{})
				ids := savedWithTheirIDs(t, m, 9)
				var told atomic.Bool
				defer m.Observe(session.Observer{Event: func(_ context.Context, e session.Event) {
					if e.Op == session.OpBatch && e.Calls == 5 {
						told.Store(true)
					}
				}})()
				client.AddHook(hook)
				release := hook.hold()
				all := beginsAtOnce(t, m, ids[:4])
				others := beginsAtOnce(t, m, ids[4:])
				time.Sleep(2 * time.Millisecond) // more than calls wait for each other
				if got := hook.seen(); !slices.Equal(got, []int{2, 2, 2, 2, 10}) {
					t.Errorf("pipelines of %v commands", got)
				}
				release()
				all.Wait()
				others.Wait()
				if !told.Load() {
					t.Error("an observer does not hear of the 5 calls that shared a pipeline")
				}
			})
		})
	}
}
