package principal_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestMaxPerPrincipal(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{MaxPerPrincipal: 3})
		var ids []string
		for i := range 5 {
			ids = append(ids, rig.SignIn(t, m, "ann"))
			if n := len(rig.HandlesOf(t, m, "ann")); n != min(i+1, 3) {
				t.Fatalf("after %d sign-ins there are %d sessions", i+1, n)
			}
		}
		for i, id := range ids {
			if alive := rig.Lives(t, m, id); alive != (i >= 2) {
				t.Errorf("the session of sign-in %d is alive: %t", i+1, alive)
			}
		}
		// One that is gone makes room; the oldest need not be it.
		if err := m.End(context.Background(), ids[3]); err != nil {
			t.Fatal(err)
		}
		rig.SignIn(t, m, "ann")
		if !rig.Lives(t, m, ids[2]) {
			t.Error("the oldest ended though there was room")
		}
		// A rotation is no sign-in.
		s := rig.Begin(t, m, ids[2], session.Exclusive)
		s.Rotate()
		rig.Commit(t, s)
		if n := len(rig.HandlesOf(t, m, "ann")); n != 3 {
			t.Errorf("after a rotation there are %d", n)
		}
		rig.SignIn(t, m, "ann")
		if rig.Lives(t, m, s.ID()) {
			t.Error("a rotation made a session the newest")
		}
	})
}

func TestParallelSignIns(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		managers := []*session.Manager{
			r.Manager(session.Options{MaxPerPrincipal: 3}), r.Manager(session.Options{MaxPerPrincipal: 3}),
		}
		var all sync.WaitGroup
		ids := make([]string, 50)
		for i := range ids {
			all.Go(func() {
				s, err := managers[i%2].Begin(context.Background(), "", session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.SetPrincipal("ann")
				if err := s.Commit(context.Background()); err != nil {
					t.Error(err)
				}
				ids[i] = s.ID()
			})
		}
		all.Wait()
		alive := 0
		for _, id := range ids {
			if rig.Lives(t, managers[0], id) {
				alive++
			}
		}
		if n := len(rig.HandlesOf(t, managers[0], "ann")); n != 3 || alive != 3 {
			t.Errorf("%d are in the index, %d alive, want 3", n, alive)
		}
	})
}

// Sign-ins of all processes at once, half of which are followed by a rotation.
func TestParallelSignInsAndRotations(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		managers := make([]*session.Manager, 4)
		for i := range managers {
			managers[i] = r.Manager(session.Options{MaxPerPrincipal: 3})
		}
		var all sync.WaitGroup
		ids := make([]string, 40)
		for i := range ids {
			all.Go(func() {
				m := managers[i%4]
				s, err := m.Begin(ctx, "", session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.SetPrincipal("ann")
				if err := s.Commit(ctx); err != nil {
					t.Error(err)
				}
				if ids[i] = s.ID(); i/4%2 == 0 {
					return
				}
				if s, err = m.Begin(ctx, ids[i], session.Exclusive); err != nil {
					t.Error(err)
					return
				}
				s.Rotate()
				if err := s.Commit(ctx); err == nil {
					ids[i] = s.ID()
				} else if !errors.Is(err, session.ErrEnded) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		alive := 0
		for _, id := range ids {
			if rig.IsOf(t, managers[0], id, "ann") {
				alive++
			}
		}
		if alive != 3 {
			t.Errorf("%d are alive, want 3", alive)
		}
		// What refused rotations have saved goes beside the request.
		rig.Until(t, "three are in the index", func() bool { return len(rig.HandlesOf(t, managers[0], "ann")) == 3 })
	})
}

// An eviction whose reply is lost is done by the second try.
func TestLostReplyOfAnEviction(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{MaxPerPrincipal: 1, RetryTimeout: time.Second})
		rig.SignIn(t, m, "ann")
		old := rig.SignIn(t, m, "ann") // all scripts are loaded
		for lost := range 8 {
			s := rig.Begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann")
			for range lost {
				f.Then(rig.Pass)
			}
			f.Then(rig.Lose)
			rig.Commit(t, s)
			f.Clear()
			if rig.Lives(t, m, old) {
				t.Errorf("reply %d lost: the oldest is alive", lost)
			}
			if n := r.Client.ZCard(ctx, r.PrincipalKey("ann")).Val(); n != 1 {
				t.Errorf("reply %d lost: %d in the index", lost, n)
			}
			old = s.ID()
		}
	})
}

// A sign-in that is refused makes nobody give way.
func TestRefusedSignInReplacesNobody(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{LockHold: time.Second, LockTTL: time.Second, MaxPerPrincipal: 1})
		id := rig.SignIn(t, m, "ann")
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		time.Sleep(5 * time.Second) // longer than LockHold: the lease is gone
		s.SetPrincipal("ann")
		rig.WantErr(t, s.Commit(context.Background()), session.ErrLockLost)
		time.Sleep(time.Second)
		if !rig.IsOf(t, m, id, "ann") {
			t.Error("nobody signed in, and ann's other session has ended")
		}
	})
}

// A session that a newer version has written keeps nobody from signing in, and stays.
func TestSignInBesideAnUnreadableSession(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 1})
		id := rig.SignIn(t, m, "ann")
		const newer = "3 what a later berth writes"
		if err := r.Client.HSet(ctx, r.Key(id, "Data"), "_berth", newer).Err(); err != nil {
			t.Fatal(err)
		}
		if id := rig.SignIn(t, m, "ann"); !rig.IsOf(t, m, id, "ann") {
			t.Error("ann's new session is not there")
		}
		if got := r.HGet(id, "_berth"); got != newer {
			t.Errorf("the newer version's session is %q", got)
		}
	})
}
