package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// A session that gets another ID after EndAll has looked at the index is ended too.
func TestEndAllWhileASessionRotates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		operator, f := r.Faulty(session.Options{})
		id := signIn(t, m, "ann")
		f.Then(after(func() { id = rotate(t, m, id) }))
		n, err := operator.EndAll(context.Background(), "ann")
		if isOf(t, m, id, "ann") {
			t.Errorf("EndAll ended %d (%v), and the session lives", n, err)
		}
	})
}

// The same as it comes, with a session that is rotated all the time.
func TestEndAllRacesRotations(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	m, operator := r.Manager(session.Options{}), r.Manager(session.Options{})
	for range 200 {
		id := signIn(t, m, "ann")
		rotating, last := make(chan struct{}), make(chan string)
		go func() {
			defer func() { last <- id }()
			for i := range 20 {
				s, err := m.Begin(ctx, id, session.Exclusive)
				if i == 0 {
					close(rotating)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if s.Principal() == "" {
					return // ended
				}
				s.Rotate()
				if err := s.Commit(ctx); err != nil {
					if !errors.Is(err, session.ErrEnded) {
						t.Error(err)
					}
					return
				}
				id = s.ID()
			}
		}()
		<-rotating
		n, err := operator.EndAll(ctx, "ann")
		if id := <-last; err != nil || isOf(t, m, id, "ann") {
			t.Fatalf("EndAll ended %d (%v), and the session lives", n, err)
		}
	}
}

// Sign-ins of all processes at once, half of which are followed by a rotation.
func TestParallelSignInsAndRotations(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
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
			if isOf(t, managers[0], id, "ann") {
				alive++
			}
		}
		if alive != 3 {
			t.Errorf("%d are alive, want 3", alive)
		}
		// What refused rotations have saved goes beside the request.
		until(t, "three are in the index", func() bool { return len(handles(t, managers[0], "ann")) == 3 })
	})
}

// An entry of the index that is out of date ends nobody else's session, and makes room for none.
func TestStaleIndexEntry(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{MaxPerPrincipal: 2})
		bob := signIn(t, m, "bob")
		stale := func() {
			t.Helper()
			entry := redis.Z{Score: 1, Member: handleOf(bob)}
			if err := r.Client.ZAdd(ctx, r.PrincipalKey("ann"), entry).Err(); err != nil {
				t.Fatal(err)
			}
		}
		ann := []string{signIn(t, m, "ann"), signIn(t, m, "ann")}
		stale()
		if got := handles(t, m, "ann"); len(got) != 2 {
			t.Errorf("ann has %d sessions", len(got))
		}
		stale()
		ann = append(ann, signIn(t, m, "ann"))
		if lives(t, m, ann[0]) || !lives(t, m, ann[1]) || !isOf(t, m, bob, "bob") {
			t.Error("another one made room than ann's oldest")
		}
		stale()
		if n, err := m.EndAll(ctx, "ann"); n != 2 || err != nil || !isOf(t, m, bob, "bob") {
			t.Errorf("EndAll ended %d (%v), and bob's session lives: %t", n, err, isOf(t, m, bob, "bob"))
		}
	})
}

// Between the look that finds a session gone from a user and its leaving the index, it may
// sign in as that user again, and stays there.
func TestSignInAgainBeforeTheIndexIsCleaned(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, on := r.Matching(session.Options{})
		clean := r.Manager(session.Options{})
		id := saved(t, clean, "n", 1)
		stale := func() {
			if err := r.Client.ZAdd(ctx, r.PrincipalKey("ann"), redis.Z{Score: 1, Member: handleOf(id)}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		stale()
		handles(t, m, "ann") // loads the scripts
		time.Sleep(time.Second)

		stale()
		var calls atomic.Int64
		on.Each(r.PrincipalKey("ann"), before(func() {
			if calls.Add(1) == 2 { // after the listing
				s := begin(t, clean, id, session.Exclusive)
				s.SetPrincipal("ann")
				commit(t, s)
			}
		}))
		handles(t, m, "ann")
		time.Sleep(time.Second)
		if n := calls.Load(); n != 2 {
			t.Errorf("there were %d calls", n)
		}
		if n := len(handles(t, clean, "ann")); n != 1 {
			t.Errorf("ann has signed in, and %d sessions are in her index", n)
		}
	})
}
