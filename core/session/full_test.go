package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// On a server whose memory is full, what ends a session works: logout, End, EndAll, and the handling of
// ends. What needs memory fails, and says why.
func TestFullServer(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]session.Options{
		"plain":   {},
		"tracked": {TrackEnd: true, EndSweep: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := withServer(t)
			ctx := context.Background()
			m := r.Manager(o)
			ids := make([]string, 4)
			for i := range ids {
				s := begin(t, m, "", session.Exclusive)
				s.Set("n", i)
				s.SetPrincipal("ann")
				commit(t, s)
				ids[i] = s.ID()
			}
			if err := r.Client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			s, err := m.Begin(ctx, ids[0], session.Exclusive)
			if err != nil {
				t.Fatalf("a request does not get its session: %v", err)
			}
			s.Abandon()
			commit(t, s)
			s, err = m.Begin(ctx, ids[1], session.Shared)
			if err != nil {
				t.Fatal(err)
			}
			s.Abandon()
			commit(t, s)
			if err := m.End(ctx, ids[2]); err != nil {
				t.Errorf("End: %v", err)
			}
			if n, err := m.EndAll(ctx, "ann"); n != 1 || err != nil {
				t.Errorf("EndAll ended %d: %v", n, err)
			}
			for _, id := range ids {
				if r.Exists(r.Key(id, "Data")) && r.HGet(id, "n") != "" {
					t.Error("a session is left")
				}
			}
			s = begin(t, m, "", session.Exclusive)
			s.Set("n", 1)
			if err := s.Commit(ctx); err == nil {
				t.Error("a new session was saved")
			}
			if !o.TrackEnd {
				return
			}
			var h endings
			stop := startHandling(t, m, &h)
			until(t, "all ends are handled", func() bool { return len(h.Times()) == len(ids) })
			stop()
		})
	}
}

func startHandling(t *testing.T, m *session.Manager, h *endings) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.HandleEnd(ctx, h.Handle); err != nil {
			t.Error(err)
		}
	}()
	return func() { cancel(); <-done }
}
