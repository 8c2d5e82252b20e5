package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A failed end comes again with its number, and after EndAttempts is kept aside until
// an operator has it replayed.
func TestFailedEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(tracked(func(o *session.Options) { o.EndAttempts = 3; o.EndRetention = 6 * time.Second }))
		id := saved(t, m, "n", 1)
		broken := true
		h := endings{Fail: func(e session.Ended) error {
			if !broken {
				return nil
			}
			if e.Attempt == 2 {
				panic("secret")
			}
			return errors.New("the database is down")
		}}
		handleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Minute)
		for i, e := range h.List() {
			if e.Handle != handleOf(id) || e.Attempt != i+1 || get[int](t, e.Session, "n") != 1 {
				t.Errorf("the %dth is attempt %d", i+1, e.Attempt)
			}
		}
		if n := len(h.List()); n != 3 {
			t.Fatalf("handed out %d times, want 3", n)
		}
		if stats := m.Stats(); stats.EndsRedelivered != 2 || stats.EndsAside != 1 || stats.EndsHandled != 0 {
			t.Errorf("stats are %+v", stats)
		}
		broken = false
		for e, err := range m.EndsAside(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Handle != handleOf(id) || e.Attempt != 3 || e.Reason != session.Expired || get[int](t, e.Session, "n") != 1 {
				t.Errorf("kept aside: %v", e)
			}
			if err := m.ReplayEnd(ctx, e); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			wantErr(t, m.ReplayEnd(ctx, e), session.ErrUnknown)
		}
		time.Sleep(time.Second)
		all := h.List()
		if len(all) != 4 || all[3].Attempt != 1 || get[int](t, all[3].Session, "n") != 1 {
			t.Errorf("after the replay there are %v", all)
		}
		if keys := r.Keys(); len(keys) != 0 || r.Indexed() != 0 {
			t.Errorf("left behind: %v", keys)
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
		m, f := r.Matching(tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		putAside(t, m, 1)
		all, _ := aside(m)
		f.Arm("_Aside", refuse)
		if err := m.ReplayEnd(ctx, all[0]); err == nil || !f.Done() {
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
		handleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Second)
		if all := h.List(); len(all) != 1 || all[0].Attempt != 1 || get[string](t, all[0].Session, "cart") != "precious" {
			t.Errorf("handed out: %v", all)
		}
	})
}

// A handler that has lost its claim and succeeds after another put the session aside
// leaves nothing there.
func TestLateSuccessLeavesNothingAside(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		o := tracked(func(o *session.Options) { o.EndAttempts = 1 })
		a, b := r.Manager(o), r.Manager(o)
		id := saved(t, a, "n", 1)
		entered, leave := make(chan struct{}), make(chan struct{})
		stop := handleEnds(t, a, func(context.Context, session.Ended) error {
			close(entered)
			<-leave
			return nil
		})
		<-entered
		r.Client.Del(context.Background(), r.Key(id, "Claim"))
		var h endings
		handleEnds(t, b, h.Handle)
		time.Sleep(time.Minute)
		if all, errs := aside(b); len(all) != 1 || errs != nil || len(h.List()) != 0 {
			t.Fatalf("kept aside: %v, %v; handed out: %v", all, errs, h.List())
		}
		close(leave)
		stop()
		if all, errs := aside(b); len(all) != 0 || errs != nil {
			t.Errorf("kept aside: %v, %v", all, errs)
		}
		time.Sleep(time.Minute)
		if keys := r.Keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// One that is kept aside and cannot be read, or has no data any more, hides no other.
func TestAllThatIsKeptAsideIsSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		ids := putAside(t, m, 20)
		r.Client.HSet(ctx, r.Key(ids[0], "Ended"), "_berth", "9 of a later version")
		r.Client.Del(ctx, r.Key(ids[1], "Ended"))
		all, errs := aside(m)
		if len(all) != 20 || len(errs) != 1 {
			t.Errorf("%d of 20 are seen, with %v", len(all), errs)
		}
		for _, e := range all {
			switch {
			case e.Handle == handleOf(ids[0]):
				if e.Session != nil {
					t.Error("what cannot be read has values")
				}
			case e.NoData != (e.Handle == handleOf(ids[1])):
				t.Errorf("%v, no data %t", e, e.NoData)
			}
		}
	})
}
