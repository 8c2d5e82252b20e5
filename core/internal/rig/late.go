package rig

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Latecomers are calls that the network holds back: their caller hears nothing, and they
// come when he has long tried again.
type Latecomers struct {
	mu    sync.Mutex
	calls [][]any
}

// Hold is the [Step] that keeps a call back.
func (l *Latecomers) Hold(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, slices.Clone(cmd.Args()))
	cmd.SetErr(errNoReply)
	return errNoReply
}

// Held tells how many calls there are.
func (l *Latecomers) Held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

// Land lets them go, in the order in which they were sent. There must be one.
func (l *Latecomers) Land(t *testing.T, r *Rig) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) == 0 {
		t.Error("nothing was held back")
	}
	for _, args := range l.calls {
		if err := r.Client.Do(context.Background(), args...).Err(); err != nil {
			t.Errorf("a late call: %v", err)
		}
	}
}
