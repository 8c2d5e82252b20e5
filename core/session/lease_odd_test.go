package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Whoever ends a session that others wait for wakes the first of them.
func TestEndWakesTheFirstWaiter(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	m, waiter := r.Manager(session.Options{}), r.Manager(session.Options{})
	id := saved(t, m)
	hear := r.Client.PSubscribe(ctx, r.App+"_Wake_*")
	defer hear.Close()
	if _, err := hear.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	s := begin(t, m, id, session.Exclusive)
	done := make(chan struct{})
	go func() {
		defer close(done)
		begin(t, waiter, id, session.Exclusive).Rollback(ctx)
	}()
	until(t, "it waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
	if err := m.EndHandle(ctx, handleOf(id)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-hear.Channel():
	case <-done:
		t.Error("the waiter was told nothing: it found out when it looked again")
	}
	<-done
	s.Rollback(ctx)
}

// A hook of errors that panics during a begin leaves neither the gate nor the lease taken.
func TestPanicInAHook(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		armed := false
		m, on := r.Matching(session.Options{LockWait: time.Minute, Hooks: session.Hooks{OnError: func(context.Context, error) {
			if armed {
				armed = false
				panic("a bug of the application")
			}
		}}})
		r.WarmUpOnly(m)
		s := begin(t, m, "", session.Exclusive)
		s.SetCompanion("c")
		commit(t, s)
		armed = true
		on.Arm("_Proof", refuse)
		func() {
			defer func() { _ = recover() }()
			_, _ = m.Begin(ctx, s.ID(), session.Exclusive)
		}()
		time.Sleep(time.Hour / 4) // far beyond LockTTL
		again, err := m.Begin(ctx, s.ID(), session.Exclusive)
		if err != nil {
			t.Errorf("a quarter of an hour later: %v", err)
			return
		}
		again.Rollback(ctx)
	})
}

// After Close too, OnError may use the session when it hears that an index could not be told.
func TestHookAfterClose(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	var s *session.Session
	m, on := r.Matching(session.Options{Hooks: session.Hooks{OnError: func(context.Context, error) { _ = s.Principal() }}})
	id := signIn(t, m, "ann")
	s = begin(t, m, id, session.Exclusive)
	s.SetTimeout(time.Hour)
	_ = m.Close()
	on.Each("_Principal_", refuse)
	done := make(chan error, 1)
	go func() { done <- s.Commit(context.Background()) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(3 * time.Second):
		t.Error("deadlock: Commit holds the session's mutex while it calls OnError")
	}
}

// A session with a timeout below LockTTL does not expire while it is held, if another request reads
// or shares it.
func TestNothingExpiresWhileHeld(t *testing.T) {
	for _, access := range []session.Access{session.ReadOnly, session.Shared} {
		for _, track := range []bool{false, true} {
			t.Run(fmt.Sprint(access, track), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					var h endings
					m := r.Manager(session.Options{Timeout: 2 * time.Second, TrackEnd: track})
					if track {
						handleEnds(t, m, h.Handle)
					}
					id := saved(t, m)
					s := begin(t, m, id, session.Exclusive)
					o := begin(t, m, id, access)
					if access == session.Shared {
						o.Set("o", 1)
					}
					commit(t, o)
					time.Sleep(3 * time.Second)
					s.Set("n", 1)
					if err := s.Commit(context.Background()); err != nil {
						t.Errorf("held, within its lease: %v", err)
					}
					if len(h.List()) > 0 {
						t.Errorf("held, and its end was handled: %v", h.List())
					}
				})
			})
		}
	}
}

// A session that was certainly never saved has no end.
func TestEndOfWhatWasNeverSaved(t *testing.T) {
	for name, save := range map[string]func(t *testing.T, m *session.Manager, on *matching){
		"after Abandon": func(t *testing.T, m *session.Manager, on *matching) {
			s := begin(t, m, saved(t, m), session.Exclusive)
			s.Abandon()
			s.Set("goodbye", 1)
			on.Each("goodbye", answers("OOM command not allowed when used memory > 'maxmemory'."))
			commit(t, s)
			s.Rollback(context.Background())
			on.Each("", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				var h endings
				handleEnds(t, r.Manager(tracked()), h.Handle)
				m, on := r.Matching(tracked())
				save(t, m, on)
				time.Sleep(10 * time.Minute)
				for _, e := range h.List() {
					if e.NoData {
						t.Errorf("the end of %v, which was never saved", e)
					}
				}
			})
		})
	}
}

// With a shorter timeout than another request has set meanwhile, the end comes in time.
func TestEndAfterTwoTimeouts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var h endings
		o := tracked(func(o *session.Options) { o.Timeout, o.EndSweep = 10*time.Second, 5*time.Second })
		handleEnds(t, r.Manager(o), h.Handle)
		m := r.Manager(o)
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		shared := begin(t, m, id, session.Shared)
		shared.SetTimeout(15 * time.Minute)
		commit(t, shared)
		time.Sleep(30 * time.Second) // the index is looked at
		s.SetTimeout(20 * time.Second)
		s.Set("n", 1)
		commit(t, s)
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 1 {
			t.Errorf("%d ends, five minutes after it expired", n)
		}
		time.Sleep(15 * time.Minute)
		for _, e := range h.List() {
			if e.NoData {
				t.Errorf("the end has no values: %v", e)
			}
		}
	})
}
