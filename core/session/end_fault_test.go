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

// A session that was rotated has not ended, even if its old ID could not be taken out of
// the index.
func TestRotationIsNoEndWithoutTheIndex(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		o := tracked(func(o *session.Options) { o.Timeout = 2 * time.Minute })
		var h endings
		handleEnds(t, r.manager(o), h.handle)
		m, f := matching(r, o)
		f.each("zrem", refuse)
		id := rotate(t, m, saved(t, m, "n", 1))
		for range 5 {
			time.Sleep(time.Minute)
			if begin(t, m, id, session.ReadOnly).IsNew() {
				t.Fatal("the session is gone")
			}
		}
		if all := h.list(); len(all) != 0 || !f.done() {
			t.Errorf("lives, and ended: %v", all)
		}
		if n := r.indexed(); n != 1 {
			t.Errorf("%d are in the index, want the one that lives", n)
		}
	})
}

// Nor if the reply to its last step was lost, and the request gave up. What was saved
// under the new ID ends once.
func TestLostReplyOfARotationIsOneEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var h endings
		handleEnds(t, r.manager(tracked()), h.handle)
		m, f := matching(r, tracked())
		old := rotate(t, m, saved(t, m, "n", 1)) // the scripts are loaded
		s := begin(t, m, old, session.Exclusive)
		s.Set("n", 2)
		s.Rotate()
		f.arm(r.key(old, "Ended"), lose)
		var failed *session.OpError
		if err := s.Commit(context.Background()); !errors.As(err, &failed) || !f.done() {
			t.Fatalf("error is %v", err)
		}
		s.Rollback(context.Background())
		time.Sleep(10 * time.Minute)
		all := h.list()
		if len(all) != 1 || all[0].NoData || all[0].ID == old || get[int](t, all[0].Session, "n") != 2 {
			t.Errorf("ended: %v", all)
		}
		if n := r.indexed(); n != 0 {
			t.Errorf("%d are left in the index", n)
		}
	})
}

// A session that could not be saved has no end.
func TestNoEndOfWhatWasNeverSaved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var h endings
		handleEnds(t, r.manager(tracked()), h.handle)
		m, f := matching(r, tracked())
		f.each("_Data", answers("OOM command not allowed when used memory > 'maxmemory'."))
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
		if n := len(h.list()); n != 0 || r.indexed() != 0 {
			t.Errorf("%d ends, %d in the index", n, r.indexed())
		}
	})
}

// While Redis is away, looking for ends costs no more than a line in the log for each
// time.
func TestLogOfAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		t.Cleanup(func() { time.Sleep(2 * time.Second) }) // until the client has seen that it is closed
		r.dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		var told bytes.Buffer
		m := r.manager(tracked(func(o *session.Options) {
			o.EndNotifications = true
			o.Logger = slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}))
		var h endings
		stop := handleEnds(t, m, h.handle)
		time.Sleep(10 * time.Minute)
		stop()
		// It looks every EndSweep, which is 5 s, or up to twice as often.
		if n := bytes.Count(told.Bytes(), []byte("\n")); n < 120 || n > 241 {
			t.Errorf("%d lines in ten minutes", n)
		}
	})
}
