package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// LastUsed is when the last request was, also of a session that an operator ended long
// after.
func TestLastUseOfAnEndedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked(func(o *session.Options) { o.Timeout = 10 * time.Minute }))
		var h endings
		handleEnds(t, m, h.handle)
		id := saved(t, m, "n", 1)
		time.Sleep(time.Minute)
		increment(t, m, id)
		used := time.Now()
		time.Sleep(5 * time.Minute)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		all := h.list()
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
	for _, hash := range []bool{false, true} {
		t.Run(fmt.Sprint("HashIDs ", hash), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m := r.manager(tracked(func(o *session.Options) { o.HashIDs = hash }))
				var h endings
				handleEnds(t, m, h.handle)
				s := begin(t, m, "", session.Exclusive)
				s.Set("n", 1)
				commit(t, s)
				time.Sleep(2 * time.Minute)
				all := h.list()
				if len(all) != 1 || all[0].Session.Handle() != s.Handle() {
					t.Errorf("ended: %v, want the handle %s", all, s.Handle())
				}
			})
		})
	}
}

// A session stays tracked that is rotated by a process without TrackEnd.
func TestRotationKeepsTheTracking(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked())
		var h endings
		handleEnds(t, m, h.handle)
		s := begin(t, r.manager(session.Options{Timeout: time.Minute}), saved(t, m, "n", 1), session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		time.Sleep(5 * time.Minute)
		all := h.list()
		if len(all) != 1 || all[0].ID != s.ID() || all[0].Principal != "ann" || get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}

// An end comes with all there was, whatever that is, however the session ended and however
// short its life was; encrypted, and under hashed IDs.
func TestEndsOfOddSessions(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		const key, value = "odd\x00 key", "v\x00"
		m := r.manager(tracked(func(o *session.Options) {
			o.LockTTL, o.EndSweep = time.Second, 50*time.Millisecond
			o.HashIDs, o.MaxBytes = true, 8<<20
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
				s := begin(t, m, "", session.Exclusive)
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
				commit(t, s)
				switch reason {
				case session.Operator:
					if err := m.End(context.Background(), s.ID()); err != nil {
						t.Fatal(err)
					}
				case session.Abandoned:
					s = begin(t, m, s.ID(), session.Exclusive)
					s.Abandon()
					commit(t, s)
				}
			}
		}
		// Only now, as one that is looked for before it is saved waits for a minute.
		var h endings
		handleEnds(t, m, h.handle)
		until(t, "all have ended", func() bool { return len(h.list()) >= len(want) })
		for _, e := range h.list() {
			if e.NoData {
				t.Fatalf("%v has no data", e)
			}
			n := get[int](t, e.Session, "n")
			got[ending{n, e.Reason}] += e.Session.Len()
			if e.Principal != principals[n] || get[string](t, e.Session, key) != value {
				t.Errorf("%v: the principal is %q, want %q", e, e.Principal, principals[n])
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("ended with %v values, want %v", got, want)
		}
	})
}
