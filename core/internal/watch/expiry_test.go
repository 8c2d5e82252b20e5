package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// An expiry is heard in the moment when it happens, without a message. A watch prolongs nothing; a
// request does.
func TestExpiry(t *testing.T) {
	for name, o := range map[string]session.Options{
		"untracked": {Timeout: 10 * time.Minute},
		"tracked":   {Timeout: 10 * time.Minute, TrackEnd: true},
		"short":     {Timeout: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
				m := r.Manager(o)
				id := rig.Saved(t, m)
				watched := watch(t, m, id)
				time.Sleep(o.Timeout / 2)
				rig.View(t, m, id)
				start := time.Now()
				wantOpen(t, watched)
				<-watched.Done()
				wantReason(t, session.Expired, watched)
				if took := time.Since(start); took < o.Timeout || took > o.Timeout+2*time.Millisecond {
					t.Errorf("heard %v after the last request", took)
				}
			})
		})
	}
}

// So is the end of the longest life, however busy the session is.
func TestLifetime(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{MaxLifetime: time.Hour})
		start := time.Now()
		id := rig.Saved(t, m)
		watched := watch(t, m, id)
		for range 11 {
			time.Sleep(5 * time.Minute)
			rig.View(t, m, id)
		}
		wantOpen(t, watched)
		<-watched.Done()
		wantReason(t, session.Outlived, watched)
		if took := time.Since(start); took < time.Hour || took > time.Hour+2*time.Millisecond {
			t.Errorf("heard after %v", took)
		}
	})
}

// On a real server, too.
func TestExpiryOnEach(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: 300 * time.Millisecond})
		watched := watch(t, m, rig.Saved(t, m))
		wantReason(t, session.Expired, watched)
	})
}

// A session that is gone before its time has not expired: its data are lost.
func TestDataLost(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		watched := watch(t, m, id)
		time.Sleep(time.Minute)
		r.Client.Del(context.Background(), r.Key(id, "Data"))
		wantReason(t, session.Unknown, watched)
	})
}

// A watch keeps nothing in Redis: neither a session nor the note that it has ended.
func TestWatchKeepsNothing(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{Timeout: time.Hour})
		id := rig.Saved(t, m)
		before := len(r.Keys())
		watched := watch(t, m, id)
		for range 30 {
			time.Sleep(time.Minute)
		}
		if left := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); left > 30*time.Minute {
			t.Errorf("%v are left", left)
		}
		if n := len(r.Keys()); n != before {
			t.Errorf("%d keys, before the watch %d", n, before)
		}
		rig.WantErr(t, m.End(t.Context(), id), nil)
		wantReason(t, session.Operator, watched)
		time.Sleep(2 * time.Hour)
		if n := len(r.Keys()); n != 0 {
			t.Errorf("%d keys are left", n)
		}
	})
}
