package principal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestSessionsOfAPrincipal(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		const ann = "ann {smith}* ü"
		var ids, want []string
		for range 3 {
			ids = append(ids, rig.SignIn(t, m, ann))
		}
		rig.SignIn(t, m, "bob")
		for _, id := range ids {
			want = append(want, rig.HandleOf(id))
		}
		if got := rig.HandlesOf(t, m, ann); !slices.Equal(got, want) {
			t.Errorf("sessions are %v, want %v", got, want)
		}

		s := rig.Begin(t, m, ids[0], session.Exclusive)
		s.Rotate()
		rig.Commit(t, s)
		ids[0] = s.ID()
		want[0] = s.Handle()
		if got := rig.HandlesOf(t, m, ann); !slices.Equal(got, want) {
			t.Errorf("after a rotation they are %v, want %v", got, want)
		}

		s = rig.Begin(t, m, ids[1], session.Exclusive)
		s.Set("key", strings.Repeat("x", 100))
		rig.Commit(t, s)
		held := rig.Begin(t, m, ids[1], session.Exclusive)
		defer held.Rollback(ctx)
		infos, err := m.SessionsOf(ctx, ann)
		if err != nil {
			t.Fatal(err)
		}
		info := infos[1]
		if info.Principal != ann || info.Size != 3+102 || info.HeldFor <= 0 || info.HeldFor > 10*time.Second || infos[0].HeldFor != 0 ||
			info.Left > 20*time.Minute || info.Left < 19*time.Minute || info.Idle > time.Minute || time.Since(info.CreatedAt) > time.Minute {
			t.Errorf("the session is %#v: %+v", info, []any{info.Size, info.HeldFor, info.Left, info.Idle, info.CreatedAt})
		}
		if text := fmt.Sprintf("%v %+v %#v", info, info, info); strings.Contains(text, ids[1]) {
			t.Error("an Info tells the ID")
		}

		if n, err := m.EndAll(ctx, ann, rig.HandleOf(ids[2])); n != 2 || err != nil {
			t.Errorf("ended %d (%v), want 2", n, err)
		}
		if got := rig.HandlesOf(t, m, ann); !slices.Equal(got, want[2:]) {
			t.Errorf("after EndAll they are %v, want %v", got, want[2:])
		}
		held.Set("n", 1)
		rig.WantErr(t, held.Commit(ctx), session.ErrEnded)
		if len(rig.HandlesOf(t, m, "bob")) != 1 {
			t.Error("EndAll of one ended those of another")
		}
		if n, err := m.EndAll(ctx, "nobody"); n != 0 || err != nil {
			t.Errorf("of nobody ended %d (%v)", n, err)
		}
		_, err = m.SessionsOf(ctx, "")
		if _, errAll := m.EndAll(ctx, ""); err == nil || errAll == nil {
			t.Error("the principal \"\" is no error")
		}
	})
}

// A session that changes hands is in the index of its new principal alone; one that is
// gone in none.
func TestPrincipalIndexIsCleaned(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Minute})
		members := func(principal string) int64 {
			synctest.Wait()
			return r.Client.ZCard(ctx, r.PrincipalKey(principal)).Val()
		}
		s := rig.Begin(t, m, rig.SignIn(t, m, "ann"), session.Exclusive)
		s.SetPrincipal("bob")
		rig.Commit(t, s)
		if members("ann") != 0 || members("bob") != 1 {
			t.Errorf("ann has %d, bob %d", members("ann"), members("bob"))
		}
		s = rig.Begin(t, m, s.ID(), session.Exclusive)
		s.Abandon()
		rig.Commit(t, s)
		if members("bob") != 0 {
			t.Error("an abandoned session is in the index")
		}
		s = rig.Begin(t, m, rig.SignIn(t, m, "ann"), session.Exclusive)
		s.SetPrincipal("")
		rig.Commit(t, s)
		if members("ann") != 0 {
			t.Error("a session that was signed out is in the index")
		}

		// What nobody told the index of is cleaned when it is met.
		_ = m.End(ctx, rig.SignIn(t, m, "ann"))
		rig.SignIn(t, m, "ann")
		time.Sleep(45 * time.Second)
		rig.SignIn(t, m, "ann")
		time.Sleep(30 * time.Second)
		if members("ann") != 3 {
			t.Errorf("there are %d", members("ann"))
		}
		if got := rig.HandlesOf(t, m, "ann"); len(got) != 1 || members("ann") != 1 {
			t.Errorf("%d are live, %d in the index", len(got), members("ann"))
		}
		time.Sleep(time.Hour)
		if keys := r.Keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// The index cannot be told: the sign-in fails, and what it saved goes.
func TestSignInWithoutIndex(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		if err := r.Client.Set(ctx, r.PrincipalKey("ann"), "no sorted set", 0).Err(); err != nil {
			t.Fatal(err)
		}
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m, "n", 1)
		for _, id := range []string{"", id} {
			s := rig.Begin(t, m, id, session.Exclusive)
			s.SetPrincipal("ann")
			var failed *session.OpError
			if err := s.Commit(ctx); !errors.As(err, &failed) {
				t.Errorf("error is %v", err)
			}
			s.Rollback(ctx)
		}
		if s := rig.View(t, m, id); s.Principal() != "" || s.IsNew() || s.Detached() {
			t.Error("the old session was harmed")
		}
		_, err := m.SessionsOf(ctx, "ann")
		if _, errAll := m.EndAll(ctx, "ann"); err == nil || errAll == nil {
			t.Error("SessionsOf and EndAll say nothing")
		}
	})
}

// An entry of the index that is out of date ends nobody else's session, and makes room for none.
func TestStaleIndexEntry(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 2})
		bob := rig.SignIn(t, m, "bob")
		stale := func() {
			t.Helper()
			entry := redis.Z{Score: 1, Member: rig.HandleOf(bob)}
			if err := r.Client.ZAdd(ctx, r.PrincipalKey("ann"), entry).Err(); err != nil {
				t.Fatal(err)
			}
		}
		ann := []string{rig.SignIn(t, m, "ann"), rig.SignIn(t, m, "ann")}
		stale()
		if got := rig.HandlesOf(t, m, "ann"); len(got) != 2 {
			t.Errorf("ann has %d sessions", len(got))
		}
		stale()
		ann = append(ann, rig.SignIn(t, m, "ann"))
		if rig.Lives(t, m, ann[0]) || !rig.Lives(t, m, ann[1]) || !rig.IsOf(t, m, bob, "bob") {
			t.Error("another one made room than ann's oldest")
		}
		stale()
		if n, err := m.EndAll(ctx, "ann"); n != 2 || err != nil || !rig.IsOf(t, m, bob, "bob") {
			t.Errorf("EndAll ended %d (%v), and bob's session lives: %t", n, err, rig.IsOf(t, m, bob, "bob"))
		}
	})
}

// Between the look that finds a session gone from a user and its leaving the index, it may
// sign in as that user again, and stays there.
func TestSignInAgainBeforeTheIndexIsCleaned(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, on := r.Matching(session.Options{})
		clean := r.Manager(session.Options{})
		id := rig.Saved(t, clean, "n", 1)
		stale := func() {
			if err := r.Client.ZAdd(ctx, r.PrincipalKey("ann"), redis.Z{Score: 1, Member: rig.HandleOf(id)}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		stale()
		rig.HandlesOf(t, m, "ann") // loads the scripts
		time.Sleep(time.Second)

		stale()
		var calls atomic.Int64
		on.Each(r.PrincipalKey("ann"), rig.Before(func() {
			if calls.Add(1) == 2 { // after the listing
				s := rig.Begin(t, clean, id, session.Exclusive)
				s.SetPrincipal("ann")
				rig.Commit(t, s)
			}
		}))
		rig.HandlesOf(t, m, "ann")
		time.Sleep(time.Second)
		if n := calls.Load(); n != 2 {
			t.Errorf("there were %d calls", n)
		}
		if n := len(rig.HandlesOf(t, clean, "ann")); n != 1 {
			t.Errorf("ann has signed in, and %d sessions are in her index", n)
		}
	})
}

// A removal from the index that comes late does not take out a later sign-in of the same session.
func TestLateRemoveFromIndex(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m, on := r.Matching(session.Options{})
		id := rig.SignIn(t, m, "ann")
		become := func(id, who string) string {
			s := rig.Begin(t, m, id, session.Exclusive)
			s.SetPrincipal(who)
			rig.Commit(t, s)
			return s.ID()
		}
		id = become(become(id, "bob"), "ann") // the scripts are loaded
		var late rig.Latecomers
		on.Arm(r.PrincipalKey("ann"), late.Hold)
		id = become(id, "bob")
		id = become(id, "ann")
		late.Land(t, r)
		n, err := m.EndAll(context.Background(), "ann")
		if rig.Lives(t, m, id) {
			t.Errorf("EndAll ended %d (%v), and ann's session lives", n, err)
		}
	})
}

// The index of a principal that signs in again and again, and never out, forgets what is
// gone, though nobody asks for it.
func TestIndexForgetsWhatIsGone(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Minute})
		members := func() int64 {
			time.Sleep(time.Second)
			return r.Client.ZCard(ctx, r.PrincipalKey("robot")).Val()
		}
		for range 300 {
			rig.SignIn(t, m, "robot")
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
