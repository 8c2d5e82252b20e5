package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A sign-in that is refused makes nobody give way.
func TestRefusedSignInReplacesNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{LockHold: time.Second, LockTTL: time.Second, MaxPerPrincipal: 1})
		id := signIn(t, m, "ann")
		s := begin(t, m, saved(t, m), session.Exclusive)
		time.Sleep(5 * time.Second) // longer than LockHold: the lease is gone
		s.SetPrincipal("ann")
		wantErr(t, s.Commit(context.Background()), session.ErrLockLost)
		time.Sleep(time.Second)
		if !isOf(t, m, id, "ann") {
			t.Error("nobody signed in, and ann's other session has ended")
		}
	})
}

// Where the index could not be told of a longer timeout, a later request tells it.
func TestIndexFollowsALongerTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Matching(session.Options{Timeout: 20 * time.Minute})
		id := signIn(t, m, "ann")
		s := begin(t, m, id, session.Exclusive)
		s.SetTimeout(30 * 24 * time.Hour)
		f.Arm(r.PrincipalKey("ann"), refuse)
		commit(t, s)
		time.Sleep(time.Second)
		if !f.Done() {
			t.Fatal("nobody told the index")
		}
		for range 10 {
			time.Sleep(10 * time.Minute)
			commit(t, begin(t, m, id, session.ReadOnly))
		}
		if n := len(handles(t, m, "ann")); n != 1 {
			t.Errorf("the session is used all the time, and ann has %d", n)
		}
	})
}

// The index of a principal that signs in again and again, and never out, forgets what is
// gone, though nobody asks for it.
func TestIndexForgetsWhatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Minute})
		members := func() int64 {
			time.Sleep(time.Second)
			return r.Client.ZCard(ctx, r.PrincipalKey("robot")).Val()
		}
		for range 300 {
			signIn(t, m, "robot")
			time.Sleep(time.Minute)
		}
		if n := members(); n > 100 {
			t.Errorf("one lives at a time, and the index has %d", n)
		}
		if _, err := m.EndAll(ctx, "robot"); err != nil || members() != 0 {
			t.Errorf("after EndAll (%v) the index has %d", err, members())
		}
	})
}

// A session that a newer version has written keeps nobody from signing in, and stays.
func TestSignInBesideAnUnreadableSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 1})
		id := signIn(t, m, "ann")
		const newer = "3 what a later berth writes"
		if err := r.Client.HSet(ctx, r.Key(id, "Data"), "_berth", newer).Err(); err != nil {
			t.Fatal(err)
		}
		if id := signIn(t, m, "ann"); !isOf(t, m, id, "ann") {
			t.Error("ann's new session is not there")
		}
		if got := r.HGet(id, "_berth"); got != newer {
			t.Errorf("the newer version's session is %q", got)
		}
	})
}
