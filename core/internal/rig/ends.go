package rig

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Endings collects what a handler of ends is given.
type Endings struct {
	Fail func(e session.Ended) error // called with each; nil: none fails

	mu  sync.Mutex
	all []session.Ended
}

// Handle is the handler.
func (h *Endings) Handle(_ context.Context, e session.Ended) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, e)
	if h.Fail != nil {
		return h.Fail(e)
	}
	return nil
}

// List returns all that was handed out, in order.
func (h *Endings) List() []session.Ended {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// Times counts how often each session was handed out, by handle.
func (h *Endings) Times() map[string]int {
	n := map[string]int{}
	for _, e := range h.List() {
		n[e.Handle]++
	}
	return n
}

// HandleEnds runs HandleEnd until the returned function, or the test's end, stops it.
func HandleEnds(t *testing.T, m *session.Manager, handle func(context.Context, session.Ended) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.HandleEnd(ctx, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("HandleEnd: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Tracked returns options with TrackEnd and a Timeout of a minute, changed as the test says.
func Tracked(change ...func(o *session.Options)) session.Options {
	o := session.Options{TrackEnd: true, Timeout: time.Minute}
	for _, f := range change {
		f(&o)
	}
	return o
}

// Indexed returns how many sessions are in the index of ends.
func (r *Rig) Indexed() int {
	r.T.Helper()
	n := 0
	for bucket := range 16 {
		count, err := r.Client.ZCard(context.Background(), fmt.Sprintf("{%s_Ends_%02d}", r.App, bucket)).Result()
		if err != nil {
			r.T.Fatal(err)
		}
		n += int(count)
	}
	return n
}
