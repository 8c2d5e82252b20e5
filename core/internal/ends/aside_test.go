package ends_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A failed end comes again with its number, and after EndAttempts is kept aside until
// an operator has it replayed.
func TestFailedEnds(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndAttempts = 3; o.EndRetention = 6 * time.Second }))
		id := rig.Saved(t, m, "n", 1)
		broken := true
		h := rig.Endings{Fail: func(e session.Ended) error {
			if !broken {
				return nil
			}
			if e.Attempt == 2 {
				panic("secret")
			}
			return errors.New("the database is down")
		}}
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Minute)
		for i, e := range h.List() {
			if e.Handle != rig.HandleOf(id) || e.Attempt != i+1 || rig.Get[int](t, e.Session, "n") != 1 {
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
			if e.Handle != rig.HandleOf(id) || e.Attempt != 3 || e.Reason != session.Expired || rig.Get[int](t, e.Session, "n") != 1 {
				t.Errorf("kept aside: %v", e)
			}
			if err := m.ReplayEnd(ctx, e); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			rig.WantErr(t, m.ReplayEnd(ctx, e), session.ErrUnknown)
		}
		time.Sleep(time.Second)
		all := h.List()
		if len(all) != 4 || all[3].Attempt != 1 || rig.Get[int](t, all[3].Session, "n") != 1 {
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
		ids = append(ids, rig.Saved(t, m, "cart", "precious"))
	}
	stop := rig.HandleEnds(t, m, func(context.Context, session.Ended) error { return errors.New("the database is down") })
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, f := r.Matching(rig.Tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		putAside(t, m, 1)
		all, _ := aside(m)
		f.Arm("_Aside", rig.Refuse)
		if err := m.ReplayEnd(ctx, all[0]); err == nil || !f.Done() {
			t.Fatalf("error is %v", err)
		}
		time.Sleep(time.Hour)
		all, errs := aside(m)
		if len(all) != 1 || errs != nil || rig.Get[string](t, all[0].Session, "cart") != "precious" {
			t.Fatalf("kept aside: %v, %v", all, errs)
		}
		if err := m.ReplayEnd(ctx, all[0]); err != nil {
			t.Fatal(err)
		}
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Second)
		if all := h.List(); len(all) != 1 || all[0].Attempt != 1 || rig.Get[string](t, all[0].Session, "cart") != "precious" {
			t.Errorf("handed out: %v", all)
		}
	})
}

// A handler that has lost its claim and succeeds after another put the session aside
// leaves nothing there.
func TestLateSuccessLeavesNothingAside(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) { o.EndAttempts = 1 })
		a, b := r.Manager(o), r.Manager(o)
		id := rig.Saved(t, a, "n", 1)
		entered, leave := make(chan struct{}), make(chan struct{})
		stop := rig.HandleEnds(t, a, func(context.Context, session.Ended) error {
			close(entered)
			<-leave
			return nil
		})
		<-entered
		r.Client.Del(context.Background(), r.Key(id, "Claim"))
		var h rig.Endings
		rig.HandleEnds(t, b, h.Handle)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		ids := putAside(t, m, 20)
		r.Client.HSet(ctx, r.Key(ids[0], "Ended"), "_berth", "9 of a later version")
		r.Client.Del(ctx, r.Key(ids[1], "Ended"))
		all, errs := aside(m)
		if len(all) != 20 || len(errs) != 1 {
			t.Errorf("%d of 20 are seen, with %v", len(all), errs)
		}
		for _, e := range all {
			switch {
			case e.Handle == rig.HandleOf(ids[0]):
				if e.Session.Len() != 0 {
					t.Error("what cannot be read has values")
				}
			case e.NoData != (e.Handle == rig.HandleOf(ids[1])):
				t.Errorf("%v, no data %t", e, e.NoData)
			}
		}
	})
}

// The end of a forged session is kept aside, and nobody is given it.
func TestForgedEnds(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(rig.Tracked(func(o *session.Options) {
			o.EncryptionKeys = []session.EncryptionKey{session.EncryptionKey("0123456789abcdef")}
		}))
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		honest, forged := rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "mallory")
		if err := r.Client.HSet(ctx, r.Key(forged, "Data"), "_berth", strings.Replace(r.HGet(forged, "_berth"), "mallory", "root", 1)).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != rig.HandleOf(honest) || all[0].Principal != "ann" || all[0].AuthenticatedAt.IsZero() {
			t.Errorf("ended: %v", all)
		}
		aside := 0
		for e, err := range m.EndsAside(ctx) {
			aside++
			if rig.WantErr(t, err, session.ErrForged); e.Handle != rig.HandleOf(forged) || e.Principal != "" {
				t.Errorf("aside: %v", e)
			}
		}
		if aside != 1 {
			t.Errorf("%d are aside", aside)
		}
	})
}

// An operator can take away what is kept aside, be it readable or not. No handler gets it.
func TestDropEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, f := r.Matching(rig.Tracked(func(o *session.Options) { o.EndAttempts = 1; o.RetryTimeout = time.Second }))
		ids := putAside(t, m, 3)
		r.Mini.HSet(r.Key(ids[0], "Ended"), "_berth", "9 of a later version")
		all, errs := aside(m)
		if len(all) != 3 || len(errs) != 1 {
			t.Fatalf("kept aside: %v, %v", all, errs)
		}
		live := rig.Saved(t, m, "cart", "apple")
		rig.WantErr(t, m.DropEnd(ctx, session.Ended{Handle: rig.HandleOf(live)}), session.ErrUnknown)
		for i, e := range all {
			if e.Session == nil {
				t.Fatalf("%v has no Session", e)
			}
			if i == 1 {
				f.Arm("{"+r.App+"_"+e.Handle+"}_Ended", rig.Lose)
			}
			if err := m.DropEnd(ctx, e); err != nil {
				t.Errorf("DropEnd of %v: %v", e, err)
			}
			if i == 1 && !f.Done() {
				t.Error("no reply was lost")
			}
			rig.WantErr(t, m.DropEnd(ctx, e), session.ErrUnknown)
		}
		if all, errs := aside(m); len(all)+len(errs) != 0 {
			t.Errorf("kept aside: %v, %v", all, errs)
		}
		if s := rig.Begin(t, m, live, session.ReadOnly); rig.Get[string](t, s, "cart") != "apple" {
			t.Error("a live session was dropped")
		}
		for _, id := range ids {
			if r.Mini.Exists(r.Key(id, "Ended")) {
				t.Errorf("data of %s are left", rig.HandleOf(id))
			}
		}
	})
}
