package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestSessionsOfAPrincipal(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		const ann = "ann {smith}* ü"
		var ids, want []string
		for range 3 {
			ids = append(ids, signIn(t, m, ann))
		}
		signIn(t, m, "bob")
		for _, id := range ids {
			want = append(want, handleOf(id))
		}
		if got := handles(t, m, ann); !slices.Equal(got, want) {
			t.Errorf("sessions are %v, want %v", got, want)
		}

		s := begin(t, m, ids[0], session.Exclusive)
		s.Rotate()
		commit(t, s)
		ids[0] = s.ID()
		want[0] = s.Handle()
		if got := handles(t, m, ann); !slices.Equal(got, want) {
			t.Errorf("after a rotation they are %v, want %v", got, want)
		}

		s = begin(t, m, ids[1], session.Exclusive)
		s.Set("key", strings.Repeat("x", 100))
		commit(t, s)
		held := begin(t, m, ids[1], session.Exclusive)
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

		if n, err := m.EndAll(ctx, ann, handleOf(ids[2])); n != 2 || err != nil {
			t.Errorf("ended %d (%v), want 2", n, err)
		}
		if got := handles(t, m, ann); !slices.Equal(got, want[2:]) {
			t.Errorf("after EndAll they are %v, want %v", got, want[2:])
		}
		held.Set("n", 1)
		wantErr(t, held.Commit(ctx), session.ErrEnded)
		if len(handles(t, m, "bob")) != 1 {
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
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{Timeout: time.Minute})
		members := func(principal string) int64 {
			synctest.Wait()
			return r.Client.ZCard(ctx, r.PrincipalKey(principal)).Val()
		}
		s := begin(t, m, signIn(t, m, "ann"), session.Exclusive)
		s.SetPrincipal("bob")
		commit(t, s)
		if members("ann") != 0 || members("bob") != 1 {
			t.Errorf("ann has %d, bob %d", members("ann"), members("bob"))
		}
		s = begin(t, m, s.ID(), session.Exclusive)
		s.Abandon()
		commit(t, s)
		if members("bob") != 0 {
			t.Error("an abandoned session is in the index")
		}
		s = begin(t, m, signIn(t, m, "ann"), session.Exclusive)
		s.SetPrincipal("")
		commit(t, s)
		if members("ann") != 0 {
			t.Error("a session that was signed out is in the index")
		}

		// What nobody told the index of is cleaned when it is met.
		_ = m.End(ctx, signIn(t, m, "ann"))
		signIn(t, m, "ann")
		time.Sleep(45 * time.Second)
		signIn(t, m, "ann")
		time.Sleep(30 * time.Second)
		if members("ann") != 3 {
			t.Errorf("there are %d", members("ann"))
		}
		if got := handles(t, m, "ann"); len(got) != 1 || members("ann") != 1 {
			t.Errorf("%d are live, %d in the index", len(got), members("ann"))
		}
		time.Sleep(time.Hour)
		if keys := r.Keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// The index lives as long as its sessions do, however they are used.
func TestPrincipalIndexOutlivesItsSessions(t *testing.T) {
	for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
		t.Run(access.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{Timeout: time.Minute})
				id := signIn(t, m, "ann")
				for range 20 {
					time.Sleep(50 * time.Second)
					commit(t, begin(t, m, id, access))
					synctest.Wait()
					if len(handles(t, m, "ann")) != 1 {
						t.Fatal("the index lost a session that is alive")
					}
				}
				s := begin(t, m, id, session.Exclusive)
				s.SetTimeout(time.Hour)
				commit(t, s)
				time.Sleep(59 * time.Minute)
				if len(handles(t, m, "ann")) != 1 {
					t.Error("the index did not follow SetTimeout")
				}
			})
		})
	}
}

func TestMaxPerPrincipal(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxPerPrincipal: 3})
		var ids []string
		for i := range 5 {
			ids = append(ids, signIn(t, m, "ann"))
			if n := len(handles(t, m, "ann")); n != min(i+1, 3) {
				t.Fatalf("after %d sign-ins there are %d sessions", i+1, n)
			}
		}
		for i, id := range ids {
			if alive := lives(t, m, id); alive != (i >= 2) {
				t.Errorf("the session of sign-in %d is alive: %t", i+1, alive)
			}
		}
		// One that is gone makes room; the oldest need not be it.
		if err := m.End(context.Background(), ids[3]); err != nil {
			t.Fatal(err)
		}
		signIn(t, m, "ann")
		if !lives(t, m, ids[2]) {
			t.Error("the oldest ended though there was room")
		}
		// A rotation is no sign-in.
		s := begin(t, m, ids[2], session.Exclusive)
		s.Rotate()
		commit(t, s)
		if n := len(handles(t, m, "ann")); n != 3 {
			t.Errorf("after a rotation there are %d", n)
		}
		signIn(t, m, "ann")
		if lives(t, m, s.ID()) {
			t.Error("a rotation made a session the newest")
		}
	})
}

func TestParallelSignIns(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
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
			if lives(t, managers[0], id) {
				alive++
			}
		}
		if n := len(handles(t, managers[0], "ann")); n != 3 || alive != 3 {
			t.Errorf("%d are in the index, %d alive, want 3", n, alive)
		}
	})
}

// The index cannot be told: the sign-in fails, and what it saved goes.
func TestSignInWithoutIndex(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		if err := r.Client.Set(ctx, r.PrincipalKey("ann"), "no sorted set", 0).Err(); err != nil {
			t.Fatal(err)
		}
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		for _, id := range []string{"", id} {
			s := begin(t, m, id, session.Exclusive)
			s.SetPrincipal("ann")
			var failed *session.OpError
			if err := s.Commit(ctx); !errors.As(err, &failed) {
				t.Errorf("error is %v", err)
			}
			s.Rollback(ctx)
		}
		if s := view(t, m, id); s.Principal() != "" || s.IsNew() || s.Detached() {
			t.Error("the old session was harmed")
		}
		_, err := m.SessionsOf(ctx, "ann")
		if _, errAll := m.EndAll(ctx, "ann"); err == nil || errAll == nil {
			t.Error("SessionsOf and EndAll say nothing")
		}
	})
}

// An eviction whose reply is lost is done by the second try.
func TestLostReplyOfAnEviction(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{MaxPerPrincipal: 1, RetryTimeout: time.Second})
		signIn(t, m, "ann")
		old := signIn(t, m, "ann") // all scripts are loaded
		for lost := range 8 {
			s := begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann")
			for range lost {
				f.Then(pass)
			}
			f.Then(lose)
			commit(t, s)
			f.Clear()
			if lives(t, m, old) {
				t.Errorf("reply %d lost: the oldest is alive", lost)
			}
			if n := r.Client.ZCard(ctx, r.PrincipalKey("ann")).Val(); n != 1 {
				t.Errorf("reply %d lost: %d in the index", lost, n)
			}
			old = s.ID()
		}
	})
}
