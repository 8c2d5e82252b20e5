package ends_test

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// warmUpEnds loads the scripts that handle ends, in a bubble.
func warmUpEnds(t *testing.T, m *session.Manager) {
	t.Helper()
	if err := m.End(context.Background(), rig.Saved(t, m)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	var h rig.Endings
	stop := rig.HandleEnds(t, m, h.Handle)
	time.Sleep(time.Second)
	stop()
	if len(h.List()) != 1 {
		t.Fatal("the first end was not handled")
	}
}

// claim does what a handler process does that dies right after it has claimed an end.
func claim(r *rig.Rig, id string) {
	r.T.Helper()
	ctx := context.Background()
	time.Sleep(time.Minute + time.Second)
	if err := r.Client.Set(ctx, r.Key(id, "Claim"), "dead", 10*time.Second).Err(); err != nil {
		r.T.Fatal(err)
	}
}

// A process that dies with a claim loses it after LockTTL; a slow handler keeps it.
func TestClaims(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a, b := r.Manager(rig.Tracked()), r.Manager(rig.Tracked())
		id := rig.Saved(t, a, "n", 1)
		entered, leave := make(chan struct{}), make(chan struct{})
		stop := rig.HandleEnds(t, a, func(ctx context.Context, e session.Ended) error {
			close(entered)
			<-leave
			return ctx.Err()
		})
		<-entered
		var h rig.Endings
		rig.HandleEnds(t, b, h.Handle)
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 0 {
			t.Errorf("a slow handler lost its claim: handed out %d times more", n)
		}
		close(leave)
		stop()
		time.Sleep(time.Minute)
		if n := len(h.List()); n != 0 || r.Indexed() != 0 || a.Stats().EndsHandled != 1 {
			t.Errorf("handed out %d times more, %d are left", n, r.Indexed())
		}

		// What a dead process leaves: the claim, and the place in the index.
		dead := rig.Saved(t, a, "n", 2)
		claim(r, dead)
		time.Sleep(2 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Handle != rig.HandleOf(dead) || rig.Get[int](t, all[0].Session, "n") != 2 {
			t.Fatalf("the end of %v was handed out as %v", id, all)
		}
	})
}

// An end that was handled between another process's taking it out of the index and
// claiming it is not handed out again, without data.
func TestHandledEndIsNotClaimedAgain(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		a := r.Manager(rig.Tracked(func(o *session.Options) { o.EndSweep = time.Hour }))
		b, f := r.Matching(rig.Tracked())
		warmUpEnds(t, b)
		if err := a.End(context.Background(), rig.Saved(t, a, "n", 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		var h rig.Endings
		leave := make(chan struct{})
		rig.HandleEnds(t, a, func(ctx context.Context, e session.Ended) error {
			<-leave
			return h.Handle(ctx, e)
		})
		time.Sleep(12 * time.Second) // longer than LockTTL: it is due again
		f.Arm("_Claim", rig.Before(func() {
			close(leave)
			time.Sleep(50 * time.Millisecond)
			if a.Stats().EndsHandled != 1 {
				t.Error("the first has not handled it yet")
			}
		}))
		rig.HandleEnds(t, b, h.Handle)
		time.Sleep(5 * time.Minute)
		if n := len(h.List()); n != 1 || !f.Done() {
			t.Errorf("handed out %d times, and nothing was lost", n)
		}
	})
}

// The same as it comes, with sessions that are ended while several processes handle ends.
func TestEndsAmongProcesses(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	ctx := context.Background()
	const writers = 32
	each := rig.Rounds(10, 150)
	managers := make([]*session.Manager, 4)
	var stops []func()
	var h rig.Endings
	for i := range managers {
		managers[i] = r.Manager(rig.Tracked(func(o *session.Options) { o.EndNotifications, o.EndSweep = true, 20*time.Millisecond }))
		stops = append(stops, rig.HandleEnds(t, managers[i], h.Handle))
	}
	var all sync.WaitGroup
	for w := range writers {
		m, other := managers[w%4], managers[(w+1)%4]
		all.Go(func() {
			for range each {
				s, err := m.Begin(ctx, "", session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.Set("n", 1)
				if err := s.Commit(ctx); err != nil {
					t.Error(err)
					return
				}
				if err := other.End(ctx, s.ID()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	rig.Until(t, "all are handled", func() bool {
		var handled uint64
		for _, m := range managers {
			handled += m.Stats().EndsHandled
		}
		return handled >= uint64(writers*each) && r.Indexed() == 0
	})
	for _, stop := range stops {
		stop()
	}
	times := h.Times()
	if len(times) != writers*each {
		t.Errorf("%d sessions ended, want %d", len(times), writers*each)
	}
	for _, e := range h.List() {
		if e.NoData || times[e.Handle] != 1 {
			t.Fatalf("%v, no data %t, handed out %d times", e, e.NoData, times[e.Handle])
		}
	}
}

// What was claimed is not handed to a handler if the reply comes later than the claim
// lives.
func TestLateReplyToAClaim(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) {
			o.Timeout, o.LockTTL, o.EndSweep = time.Second, time.Second, 500*time.Millisecond
		})
		a, f := r.Matching(o)
		b := r.Manager(o)
		warmUpEnds(t, a)
		var running, calls atomic.Int32
		handle := func(_ context.Context, e session.Ended) error {
			calls.Add(1)
			if running.Add(1) > 1 {
				t.Errorf("attempt %d: two handlers at a time", e.Attempt)
			}
			defer running.Add(-1)
			time.Sleep(10 * time.Second)
			return nil
		}
		rig.Saved(t, a)
		time.Sleep(2 * time.Second)
		f.Arm("_Claim", rig.After(func() {
			rig.HandleEnds(t, b, handle)
			time.Sleep(3 * time.Second)
			if running.Load() != 1 {
				t.Error("the other does not handle it yet")
			}
		}))
		rig.HandleEnds(t, a, handle)
		time.Sleep(30 * time.Second)
		if n := calls.Load(); n != 1 || !f.Done() {
			t.Errorf("handed out %d times", n)
		}
	})
}

// A claim whose reply was lost counts as one attempt, and the session is handed out.
func TestLostReplyToAClaim(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Matching(rig.Tracked(func(o *session.Options) { o.EndAttempts = 1 }))
		warmUpEnds(t, m)
		id := rig.Saved(t, m, "n", 1)
		f.Arm(r.Key(id, "Claim"), rig.Lose)
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		time.Sleep(3 * time.Minute)
		all := h.List()
		if len(all) != 1 || all[0].Attempt != 1 || !f.Done() {
			t.Errorf("handed out: %v; put aside %d", all, m.Stats().EndsAside)
		}
	})
}

// A handler is told that its claim is lost when LockTTL is over, however long a renewal
// hangs, and so before another is handed the session.
func TestHandlerIsToldOfALostClaim(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) {
			o.Timeout, o.LockTTL, o.EndSweep, o.EndAttempts = time.Second, time.Second, 500*time.Millisecond, 3
		})
		client, f := r.NewClient(), &rig.Matching{}
		client.AddHook(f)
		a, b := r.ManagerOn(client, o), r.ManagerOn(client, o)
		f.Each("renew", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(3 * time.Second) // what a client does that looks at its own time-out only
			return rig.Refuse(ctx, cmd, next)
		})
		rig.Saved(t, a)
		var mu sync.Mutex
		var earlier []context.Context
		handle := func(ctx context.Context, e session.Ended) error {
			mu.Lock()
			for _, other := range earlier {
				if other.Err() == nil {
					t.Errorf("attempt %d: the one before was not told", e.Attempt)
				}
			}
			earlier = append(earlier, ctx)
			mu.Unlock()
			start := time.Now()
			<-ctx.Done()
			if told := time.Since(start); told > o.LockTTL {
				t.Errorf("told after %v", told)
			}
			return context.Cause(ctx)
		}
		rig.HandleEnds(t, a, handle)
		rig.HandleEnds(t, b, handle)
		time.Sleep(15 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(earlier) != 3 || !f.Done() {
			t.Errorf("handed out %d times, want 3", len(earlier))
		}
	})
}

// A handler that calls runtime.Goexit, as t.FailNow does, has failed, and gives back the
// only slot. This is not in a bubble, nor is the manager closed if it fails: both would
// wait for it forever.
func TestGoexitInAHandler(t *testing.T) {
	t.Parallel()
	r := rig.OnRedis(t)
	o := rig.Tracked(func(o *session.Options) {
		o.App, o.Logger = r.App, slog.New(slog.DiscardHandler)
		o.Timeout, o.LockTTL, o.EndSweep = 100*time.Millisecond, time.Second, 50*time.Millisecond
		o.EndHandlers, o.EndAttempts = 1, 2
	})
	m, err := session.New(r.NewClient(), o)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rig.Saved(t, m)
	}
	var calls atomic.Int32
	done := make(chan error, 1)
	go func() {
		done <- m.HandleEnd(t.Context(), func(context.Context, session.Ended) error {
			calls.Add(1)
			runtime.Goexit()
			return nil
		})
	}()
	rig.Until(t, "all are put aside", func() bool { return m.Stats().EndsAside == 3 })
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	rig.WantErr(t, <-done, session.ErrClosed)
	if n := calls.Load(); n != 6 {
		t.Errorf("called %d times, want 2 for each of 3", n)
	}
}

// While what was handled cannot be deleted, its claim is renewed: nobody else gets that end, and none that has to wait
// for it.
func TestClaimIsHeldUntilSettled(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		o := rig.Tracked(func(o *session.Options) { o.LockTTL = 3 * time.Second })
		m, on := r.Matching(o)
		until := time.Now().Add(time.Hour)
		on.Each("_Ends_", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if cmd.Name() != "zrem" {
				return next(ctx, cmd)
			}
			if until.After(time.Now().Add(time.Minute)) { // the first
				until = time.Now().Add(2500 * time.Millisecond)
			}
			if time.Now().Before(until) {
				return rig.Refuse(ctx, cmd, next)
			}
			return next(ctx, cmd)
		})
		var h rig.Endings
		rig.HandleEnds(t, m, h.Handle)
		first, second := rig.Saved(t, m, "n", 1), rig.Saved(t, m, "n", 2)
		for _, id := range []string{first, second} {
			if err := m.End(context.Background(), id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if n := len(h.List()); n != 2 || !on.Done() {
			t.Errorf("%d ends were handed out, want 2", n)
		}
	})
}

// HandleEnd that is told to stop does not try for LockTTL to settle what was handled.
func TestStopWhileSettling(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		const many = 16
		o := rig.Tracked(func(o *session.Options) { o.EndHandlers = many })
		a := r.Manager(o)
		m, on := r.Matching(o)
		warmUpEnds(t, m)
		for range many {
			rig.Saved(t, a, "n", 1)
		}
		var running atomic.Int64
		leave := make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan time.Time, 1)
		go func() {
			_ = m.HandleEnd(ctx, func(context.Context, session.Ended) error { running.Add(1); <-leave; return nil })
			done <- time.Now()
		}()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		on.Each("", rig.Refuse)
		cancel()
		close(leave)
		start := time.Now()
		took := (<-done).Sub(start)
		if took > 15*time.Second {
			t.Errorf("all handlers had returned, and HandleEnd went on for %v", took)
		}
		on.Each("", rig.Pass)
	})
}
