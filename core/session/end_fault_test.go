package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A session that could not be saved has no end.
func TestNoEndOfWhatWasNeverSaved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var h endings
		handleEnds(t, r.Manager(tracked()), h.Handle)
		m, f := r.Matching(tracked())
		f.Each("_Data", answers("OOM command not allowed when used memory > 'maxmemory'."))
		for range 5 {
			s := begin(t, m, "", session.Exclusive)
			s.Set("n", 1)
			var failed *session.OpError
			if err := s.Commit(context.Background()); !errors.As(err, &failed) {
				t.Fatalf("error is %v", err)
			}
			s.Rollback(context.Background())
		}
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 0 || r.Indexed() != 0 {
			t.Errorf("%d ends, %d in the index", n, r.Indexed())
		}
	})
}

// While Redis is away, looking for ends costs no more than a line in the log for each
// time.
func TestLogOfAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Cleanup(func() { time.Sleep(2 * time.Second) }) // until the client has seen that it is closed
		r.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		var told bytes.Buffer
		m := r.Manager(tracked(func(o *session.Options) {
			o.EndNotifications = true
			o.Logger = slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}))
		var h endings
		stop := handleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Minute)
		stop()
		// It looks every EndSweep, which is 5 s, or up to twice as often.
		if n := bytes.Count(told.Bytes(), []byte("\n")); n < 120 || n > 241 {
			t.Errorf("%d lines in ten minutes", n)
		}
	})
}
