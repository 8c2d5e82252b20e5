package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A server that has too few replicas, or that is busy with somebody's script, answers again soon: the
// call is tried again until it does.
func TestServerThatHeals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		harm func(t *testing.T, r *rig)
		heal func(ctx context.Context, r *rig) error
	}{
		"NOREPLICAS": {
			harm: func(t *testing.T, r *rig) {
				if err := r.Client.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
					t.Fatal(err)
				}
			},
			heal: func(ctx context.Context, r *rig) error {
				return r.Client.ConfigSet(ctx, "min-replicas-to-write", "0").Err()
			},
		},
		"BUSY": {
			args: []string{"--lua-time-limit", "1"},
			harm: func(t *testing.T, r *rig) {
				done := make(chan struct{})
				t.Cleanup(func() { <-done })
				client := r.NewClient()
				go func() {
					defer close(done)
					_ = client.Eval(context.Background(), "while true do end", nil).Err() // it is killed
				}()
				until(t, "the server is busy", func() bool { return r.Client.Ping(t.Context()).Err() != nil })
			},
			heal: func(ctx context.Context, r *rig) error { return r.Client.ScriptKill(ctx).Err() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := withServer(t, c.args...)
			impatient, m := r.Manager(session.Options{}), r.Manager(session.Options{RetryTimeout: time.Minute})
			id := saved(t, m, "n", 1)
			if name == "NOREPLICAS" && !r.Since(7, 0) { // scripts of Redis 6 write all the same
				c.harm(t, r)
				commit(t, begin(t, impatient, id, session.Exclusive))
				return
			}
			for _, call := range []func() error{
				func() error {
					s, err := m.Begin(context.Background(), id, session.Exclusive)
					if err == nil {
						s.Rollback(context.Background())
					}
					return err
				},
				func() error { return m.EndHandle(context.Background(), handleOf(id)) },
			} {
				c.harm(t, r)
				_, err := impatient.Begin(context.Background(), id, session.Exclusive)
				wantAnswer(t, err, name)
				before := m.Stats().Retries
				result := make(chan error, 1)
				go func() { result <- call() }()
				until(t, "the call is tried again", func() bool { return m.Stats().Retries > before })
				if err := c.heal(context.Background(), r); err != nil {
					t.Error(err)
				}
				if err := <-result; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// wantAnswer checks that a call failed with an answer of that code.
func wantAnswer(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), code+" ") {
		t.Errorf("the error is %v, want %s", err, code)
	}
}
