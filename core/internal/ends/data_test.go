package ends_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// LastUsed is when the last request was, also of a session that an operator ended long
// after.
func TestLastUseOfAnEndedSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.Timeout = 10 * time.Minute }))
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		id := rig.Saved(t, m, "n", 1)
		time.Sleep(time.Minute)
		rig.Increment(t, m, id)
		used := time.Now()
		time.Sleep(5 * time.Minute)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		all := h.List()
		if len(all) != 1 {
			t.Fatalf("%d ends", len(all))
		}
		if off := all[0].LastUsed.Sub(used).Abs(); off > time.Second {
			t.Errorf("last used %v after or before its last request", off)
		}
	})
}

// An ended session has the handle that it had before.
func TestHandleOfAnEndedSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked())
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		s := rig.Begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		rig.Commit(t, s)
		time.Sleep(2 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != s.Handle() || all[0].Session.Handle() != s.Handle() {
			t.Errorf("ended: %v, want the handle %s", all, s.Handle())
		}
	})
}

// A session stays tracked that is rotated by a process without TrackEnd.
func TestRotationKeepsTheTracking(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked())
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		s := rig.Begin(t, r.Manager(session.Options{Timeout: time.Minute}), rig.Saved(t, m, "n", 1), session.Exclusive)
		s.SetPrincipal("ann")
		rig.Commit(t, s)
		time.Sleep(5 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != s.Handle() || all[0].Principal != "ann" || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}

// An end comes with all there was, whatever that is, however the session ended and however
// short its life was; encrypted.
func TestEndsOfOddSessions(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		const key, value = "odd\x00 key", "v\x00"
		m := r.Manager(rig.Tracked(func(o *session.Options) {
			o.LockTTL, o.EndSweep = 5*time.Second, 50*time.Millisecond
			o.MaxBytes, o.MaxFields = 8<<20, 10_000
			o.EncryptionKeys = []session.EncryptionKey{[]byte("0123456789abcdef")}
		}))
		principals := []string{
			"a\x00b", "a b  c ", " ", "%s%d%%", "\n", "\xff\xfe", "1 ended x 1 1 1 1 ", "{x}", "r123 x",
			strings.Repeat("p", 5000), "",
		}
		reasons := []session.Reason{session.Expired, session.Operator, session.Abandoned}
		type ending struct {
			n      int
			reason session.Reason
		}
		want, got := map[ending]int{}, map[ending]int{} // how many values it has
		for n, principal := range principals {
			for _, reason := range reasons {
				s := rig.Begin(t, m, "", session.Exclusive)
				s.Set("n", n)
				s.Set(key, value)
				if principal != "" {
					s.SetPrincipal(principal)
				} else {
					for i := range 9000 {
						s.Set(fmt.Sprint("f", i), strings.Repeat("x", 100))
					}
				}
				want[ending{n, reason}] = s.Len()
				if reason == session.Expired {
					s.SetTimeout(time.Millisecond)
				}
				rig.Commit(t, s)
				switch reason {
				case session.Operator:
					if err := m.End(context.Background(), s.ID()); err != nil {
						t.Fatal(err)
					}
				case session.Abandoned:
					s = rig.Begin(t, m, s.ID(), session.Exclusive)
					s.Abandon()
					rig.Commit(t, s)
				}
			}
		}
		// Only now, as one that is looked for before it is saved waits for a minute.
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		rig.Until(t, "all have ended", func() bool { return len(h.List()) >= len(want) })
		for _, e := range h.List() {
			if e.NoData {
				t.Fatalf("%v has no data", e)
			}
			n := rig.Get[int](t, e.Session, "n")
			got[ending{n, e.Reason}] += e.Session.Len()
			if e.Principal != principals[n] || rig.Get[string](t, e.Session, key) != value {
				t.Errorf("%v: the principal is %q, want %q", e, e.Principal, principals[n])
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("ended with %v values, want %v", got, want)
		}
	})
}

// A returning user gets a new session before and after the end is handled; the old
// one is handed over whole, once.
func TestReturnAfterTheEnd(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked())
		old := rig.Saved(t, m, "n", 1)
		time.Sleep(time.Minute + time.Millisecond)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := rig.Begin(t, m, old, access)
			if !s.IsNew() || s.Len() != 0 {
				t.Errorf("%v: the old one came back", access)
			}
			s.Rollback(context.Background())
		}
		s := rig.Begin(t, m, old, session.Exclusive)
		s.Set("n", 2)
		rig.Commit(t, s)
		if s.ID() == old {
			t.Error("the old ID was adopted")
		}
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(10 * time.Second)
		all := h.List()
		if len(all) != 1 || all[0].Handle != rig.HandleOf(old) || rig.Get[int](t, all[0].Session, "n") != 1 {
			t.Fatalf("handled %v", all)
		}
		if again := rig.Begin(t, m, old, session.ReadOnly); !again.IsNew() {
			t.Error("came back after its end was handled")
		}
	})
}

// Nobody handled the end for longer than EndRetention: it is still told of.
func TestEndWithoutData(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(rig.Tracked(func(o *session.Options) { o.EndRetention = time.Minute }))
		ids := map[string]int{rig.HandleOf(rig.Saved(t, m)): 1}
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		ids[s.Handle()] = 1
		s.Abandon()
		rig.Commit(t, s)
		time.Sleep(time.Hour)
		if keys := r.Keys(); slices.ContainsFunc(keys, func(k string) bool { return len(k) > 50 }) {
			t.Errorf("data outlived the retention: %v", keys)
		}
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(2 * time.Minute)
		for _, e := range h.List() {
			if !e.NoData || e.Reason != session.Unknown || e.Session.Len() != 0 {
				t.Errorf("%v with %d values", e, e.Session.Len())
			}
		}
		if !maps.Equal(h.Times(), ids) {
			t.Errorf("%d ends for %d sessions", len(h.List()), len(ids))
		}
	})
}
