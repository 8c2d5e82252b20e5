package watch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { rig.Main(m) }

// watch watches a session that exists, as its own request after the commit.
func watch(t *testing.T, m *session.Manager, id string) context.Context {
	t.Helper()
	watched, stop := rig.View(t, m, id).Watch(t.Context())
	t.Cleanup(stop)
	return watched
}

// wantReason waits for the end of watches.
func wantReason(t *testing.T, want session.Reason, all ...context.Context) {
	t.Helper()
	for _, watched := range all {
		var over *session.EndedError
		cause := await(watched, t, string(want))
		if !errors.As(cause, &over) || over.Reason != want || !errors.Is(cause, session.ErrEnded) {
			t.Errorf("the cause is %v, want %s", cause, want)
		}
	}
}

// wantCause waits for the end of a watch.
func wantCause(t *testing.T, want error, all ...context.Context) {
	t.Helper()
	for _, watched := range all {
		if cause := await(watched, t, want.Error()); !errors.Is(cause, want) {
			t.Errorf("the cause is %v, want %v", cause, want)
		}
	}
}

// await waits for the end of a watch, and returns its cause.
func await(watched context.Context, t *testing.T, what string) error {
	t.Helper()
	select {
	case <-watched.Done():
	case <-time.After(30 * time.Second):
		t.Fatalf("nobody was told: %s", what)
	}
	return context.Cause(watched)
}

// wantOpen checks that watches go on.
func wantOpen(t *testing.T, all ...context.Context) {
	t.Helper()
	for _, watched := range all {
		if watched.Err() != nil {
			t.Errorf("the watch is over: %v", context.Cause(watched))
		}
	}
}
