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

// aside returns the sessions that are kept aside, and the errors that came with them.
func aside(m *session.Manager) (all []session.Ended, errs []error) {
	for e, err := range m.EndsAside(context.Background()) {
		all = append(all, e)
		if err != nil {
			errs = append(errs, err)
		}
	}
	return all, errs
}

// putAside has sessions put aside after one attempt each, and returns their IDs.
func putAside(t *testing.T, m *session.Manager, n int) (ids []string) {
	t.Helper()
	for range n {
		ids = append(ids, saved(t, m, "cart", "precious"))
	}
	stop := handleEnds(t, m, func(context.Context, session.Ended) error { return errors.New("the database is down") })
	time.Sleep(2 * time.Minute)
	stop()
	if got, errs := aside(m); len(got) != n || errs != nil {
		t.Fatalf("%d are kept aside: %v", len(got), errs)
	}
	return ids
}

// What was kept aside stays there if its replay failed half-way, for as long as it takes,
// and can be replayed again.
func TestReplayThatFailed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := matching(r, tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		putAside(t, m, 1)
		all, _ := aside(m)
		f.arm("_Aside", refuse)
		if err := m.ReplayEnd(ctx, all[0]); err == nil || !f.done() {
			t.Fatalf("error is %v", err)
		}
		time.Sleep(time.Hour)
		all, errs := aside(m)
		if len(all) != 1 || errs != nil || get[string](t, all[0].Session, "cart") != "precious" {
			t.Fatalf("kept aside: %v, %v", all, errs)
		}
		if err := m.ReplayEnd(ctx, all[0]); err != nil {
			t.Fatal(err)
		}
		var h endings
		handleEnds(t, m, h.handle)
		time.Sleep(10 * time.Second)
		if all := h.list(); len(all) != 1 || all[0].Attempt != 1 || get[string](t, all[0].Session, "cart") != "precious" {
			t.Errorf("handed out: %v", all)
		}
	})
}

// A handler that has lost its claim and succeeds after another put the session aside
// leaves nothing there.
func TestLateSuccessLeavesNothingAside(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		o := tracked(func(o *session.Options) { o.EndAttempts = 1 })
		a, b := r.manager(o), r.manager(o)
		id := saved(t, a, "n", 1)
		entered, leave := make(chan struct{}), make(chan struct{})
		stop := handleEnds(t, a, func(context.Context, session.Ended) error {
			close(entered)
			<-leave
			return nil
		})
		<-entered
		r.client.Del(context.Background(), r.key(id, "Claim"))
		var h endings
		handleEnds(t, b, h.handle)
		time.Sleep(time.Minute)
		if all, errs := aside(b); len(all) != 1 || errs != nil || len(h.list()) != 0 {
			t.Fatalf("kept aside: %v, %v; handed out: %v", all, errs, h.list())
		}
		close(leave)
		stop()
		if all, errs := aside(b); len(all) != 0 || errs != nil {
			t.Errorf("kept aside: %v, %v", all, errs)
		}
		time.Sleep(time.Minute)
		if keys := r.keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// One that is kept aside and cannot be read, or has no data any more, hides no other.
func TestAllThatIsKeptAsideIsSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		ids := putAside(t, m, 20)
		r.client.HSet(ctx, r.key(ids[0], "Ended"), "_berth", "9 of a later version")
		r.client.Del(ctx, r.key(ids[1], "Ended"))
		all, errs := aside(m)
		if len(all) != 20 || len(errs) != 1 {
			t.Errorf("%d of 20 are seen, with %v", len(all), errs)
		}
		for _, e := range all {
			switch {
			case e.ID == ids[0]:
				if e.Session != nil {
					t.Error("what cannot be read has values")
				}
			case e.NoData != (e.ID == ids[1]):
				t.Errorf("%v, no data %t", e, e.NoData)
			}
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
