package session_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/session"
)

// endings collects what a handler of ends is given.
type endings struct {
	mu   sync.Mutex
	all  []session.Ended
	fail func(e session.Ended) error // nil: none fails
}

func (h *endings) handle(_ context.Context, e session.Ended) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, e)
	if h.fail != nil {
		return h.fail(e)
	}
	return nil
}

func (h *endings) list() []session.Ended {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// ids counts how often each session was handed out.
func (h *endings) ids() map[string]int {
	n := map[string]int{}
	for _, e := range h.list() {
		n[e.ID]++
	}
	return n
}

// handleEnds runs HandleEnd until the returned function, or the test's end, stops it.
func handleEnds(t *testing.T, m *session.Manager, handle func(context.Context, session.Ended) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.HandleEnd(ctx, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("HandleEnd: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func tracked(change ...func(o *session.Options)) session.Options {
	o := session.Options{TrackEnd: true, Timeout: time.Minute}
	for _, f := range change {
		f(&o)
	}
	return o
}

// indexed returns how many sessions are in the index of ends.
func (r *rig) indexed() int {
	r.t.Helper()
	n := 0
	for bucket := range 16 {
		count, err := r.client.ZCard(context.Background(), fmt.Sprintf("{%s_Ends_%02d}", r.app, bucket)).Result()
		if err != nil {
			r.t.Fatal(err)
		}
		n += int(count)
	}
	return n
}

func TestEveryEndIsHandled(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		o := tracked(func(o *session.Options) { o.MaxLifetime = 3 * time.Minute; o.MaxPerPrincipal = 1 })
		m := r.manager(o)
		var h endings
		handleEnds(t, m, h.handle)
		start := time.Now()

		expired := saved(t, m, "cart", []int{1, 2})
		s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		abandoned := s.ID()
		s.Set("n", 2)
		s.Abandon()
		commit(t, s)
		ended := saved(t, m, "n", 3)
		if err := m.End(ctx, ended); err != nil {
			t.Fatal(err)
		}
		var login []string
		for range 2 {
			s := begin(t, m, "", session.Exclusive)
			s.SetPrincipal("ann smith")
			commit(t, s)
			login = append(login, s.ID())
		}
		used := saved(t, m, "n", 4)
		for range 10 {
			time.Sleep(30 * time.Second)
			s := begin(t, m, used, session.Shared)
			s.Rollback(ctx)
		}
		time.Sleep(time.Minute)

		reasons := map[string]session.Reason{}
		for _, e := range h.list() {
			reasons[e.ID] = e.Reason
			if e.Attempt != 1 || e.NoData || e.CreatedAt.Before(start.Truncate(time.Millisecond)) {
				t.Errorf("%v: attempt %d, no data %t, created %v", e, e.Attempt, e.NoData, e.CreatedAt)
			}
			switch e.ID {
			case expired:
				if got := get[[]int](t, e.Session, "cart"); !slices.Equal(got, []int{1, 2}) {
					t.Errorf("the cart is %v", got)
				}
				if got := e.LastUsed.Sub(start); got < -2*time.Millisecond || got > time.Second {
					t.Errorf("last used after %v", got)
				}
				if got := e.EndedAt.Sub(e.LastUsed); got != time.Minute {
					t.Errorf("ended %v after it was last used", got)
				}
			case abandoned:
				if got := get[int](t, e.Session, "n"); got != 1 {
					t.Errorf("n is %d: the last commit left 1", got)
				}
			case used:
				if got := e.EndedAt.Sub(e.CreatedAt); got != 3*time.Minute {
					t.Errorf("lived for %v", got)
				}
			case login[0], login[1]:
				if e.Principal != "ann smith" || e.Session.Principal() != "ann smith" {
					t.Errorf("the principal is %q", e.Principal)
				}
			}
		}
		want := map[string]session.Reason{
			expired: session.Expired, abandoned: session.Abandoned, ended: session.Operator,
			login[0]: session.Replaced, login[1]: session.Expired, used: session.Outlived,
		}
		if !maps.Equal(reasons, want) {
			t.Errorf("handled %v, want %v", slices.Collect(maps.Values(reasons)), slices.Collect(maps.Values(want)))
		}
		if len(h.list()) != len(want) {
			t.Errorf("%d ends for %d sessions", len(h.list()), len(want))
		}
		if n := r.indexed(); n != 0 {
			t.Errorf("%d are left in the index", n)
		}
		if keys := r.keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
		stats := m.Stats()
		if stats.EndsHandled != 6 || stats.EndsRedelivered != 0 || stats.EndLagMax > 6*time.Second {
			t.Errorf("stats are %+v", stats)
		}
	})
}

// An ordinary request does not pay for TrackEnd.
func TestTrackedRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		client, count := r.newClient(), &trips{}
		m := r.managerOn(client, tracked())
		id := saved(t, m, "n", 1)
		commit(t, begin(t, m, id, session.Exclusive))
		begin(t, m, id, session.ReadOnly)
		client.AddHook(count)
		for _, c := range []struct {
			access session.Access
			want   int64
		}{{session.Exclusive, 2}, {session.ReadOnly, 1}, {session.Exclusive, 2}} {
			count.n.Store(0)
			s := begin(t, m, id, c.access)
			if c.access == session.Exclusive {
				s.Set("n", 1+get[int](t, s, "n"))
			}
			commit(t, s)
			if got := count.n.Load(); got != c.want {
				t.Errorf("%v: %d round trips, want %d", c.access, got, c.want)
			}
		}
	})
}

// A failed end comes again with its number, and after EndAttempts is kept aside until
// an operator has it replayed.
func TestFailedEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(tracked(func(o *session.Options) { o.EndAttempts = 3; o.EndRetention = 6 * time.Second }))
		id := saved(t, m, "n", 1)
		broken := true
		h := endings{fail: func(e session.Ended) error {
			if !broken {
				return nil
			}
			if e.Attempt == 2 {
				panic("secret")
			}
			return errors.New("the database is down")
		}}
		handleEnds(t, m, h.handle)
		time.Sleep(time.Hour)
		for i, e := range h.list() {
			if e.ID != id || e.Attempt != i+1 || get[int](t, e.Session, "n") != 1 {
				t.Errorf("the %dth is attempt %d", i+1, e.Attempt)
			}
		}
		if n := len(h.list()); n != 3 {
			t.Fatalf("handed out %d times, want 3", n)
		}
		if stats := m.Stats(); stats.EndsRedelivered != 2 || stats.EndsAside != 1 || stats.EndsHandled != 0 {
			t.Errorf("stats are %+v", stats)
		}
		broken = false
		for e, err := range m.EndsAside(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != id || e.Attempt != 3 || e.Reason != session.Expired || get[int](t, e.Session, "n") != 1 {
				t.Errorf("kept aside: %v", e)
			}
			if err := m.ReplayEnd(ctx, e); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			wantErr(t, m.ReplayEnd(ctx, e), session.ErrUnknown)
		}
		time.Sleep(time.Second)
		all := h.list()
		if len(all) != 4 || all[3].Attempt != 1 || get[int](t, all[3].Session, "n") != 1 {
			t.Errorf("after the replay there are %v", all)
		}
		if keys := r.keys(); len(keys) != 0 || r.indexed() != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// A process that dies with a claim loses it after LockTTL; a slow handler keeps it.
func TestClaims(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(tracked()), r.manager(tracked())
		id := saved(t, a, "n", 1)
		entered, leave := make(chan struct{}), make(chan struct{})
		stop := handleEnds(t, a, func(ctx context.Context, e session.Ended) error {
			close(entered)
			<-leave
			return ctx.Err()
		})
		<-entered
		var h endings
		handleEnds(t, b, h.handle)
		time.Sleep(5 * time.Minute)
		if n := len(h.list()); n != 0 {
			t.Errorf("a slow handler lost its claim: handed out %d times more", n)
		}
		close(leave)
		stop()
		time.Sleep(time.Minute)
		if n := len(h.list()); n != 0 || r.indexed() != 0 || a.Stats().EndsHandled != 1 {
			t.Errorf("handed out %d times more, %d are left", n, r.indexed())
		}

		// What a dead process leaves: the claim, and the place in the index.
		dead := saved(t, a, "n", 2)
		r.claim(dead)
		time.Sleep(2 * time.Minute)
		all := h.list()
		if len(all) != 1 || all[0].ID != dead || get[int](t, all[0].Session, "n") != 2 {
			t.Fatalf("the end of %v was handed out as %v", id, all)
		}
	})
}

// A returning user gets a new session before and after the end is handled; the old
// one is handed over whole, once.
func TestReturnAfterTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked())
		old := saved(t, m, "n", 1)
		time.Sleep(time.Minute + time.Millisecond)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			s := begin(t, m, old, access)
			if !s.IsNew() || s.Len() != 0 {
				t.Errorf("%v: the old one came back", access)
			}
			s.Rollback(context.Background())
		}
		s := begin(t, m, old, session.Exclusive)
		s.Set("n", 2)
		commit(t, s)
		if s.ID() == old {
			t.Error("the old ID was adopted")
		}
		var h endings
		handleEnds(t, m, h.handle)
		time.Sleep(10 * time.Second)
		all := h.list()
		if len(all) != 1 || all[0].ID != old || get[int](t, all[0].Session, "n") != 1 {
			t.Fatalf("handled %v", all)
		}
		if again := begin(t, m, old, session.ReadOnly); !again.IsNew() {
			t.Error("came back after its end was handled")
		}
	})
}

// Nobody handled the end for longer than EndRetention: it is still told of.
func TestEndWithoutData(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked(func(o *session.Options) { o.EndRetention = time.Minute }))
		ids := map[string]int{saved(t, m): 1}
		s := begin(t, m, saved(t, m), session.Exclusive)
		ids[s.ID()] = 1
		s.Abandon()
		commit(t, s)
		time.Sleep(time.Hour)
		if keys := r.keys(); slices.ContainsFunc(keys, func(k string) bool { return len(k) > 50 }) {
			t.Errorf("data outlived the retention: %v", keys)
		}
		var h endings
		handleEnds(t, m, h.handle)
		time.Sleep(2 * time.Minute)
		for _, e := range h.list() {
			if !e.NoData || e.Reason != session.Unknown || e.Session.Len() != 0 {
				t.Errorf("%v with %d values", e, e.Session.Len())
			}
		}
		if !maps.Equal(h.ids(), ids) {
			t.Errorf("%d ends for %d sessions", len(h.list()), len(ids))
		}
	})
}

// A rotated session has not ended.
func TestRotationIsNoEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked())
		var h endings
		handleEnds(t, m, h.handle)
		s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		s.Rotate()
		commit(t, s)
		synctest.Wait()
		if n := r.indexed(); n != 1 {
			t.Errorf("%d in the index", n)
		}
		time.Sleep(time.Hour)
		if all := h.list(); len(all) != 1 || all[0].ID != s.ID() || get[int](t, all[0].Session, "n") != 1 {
			t.Errorf("ended: %v", all)
		}
	})
}

// SetTimeout moves the end, in both directions.
func TestEndFollowsTheTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked(func(o *session.Options) {
			o.Timeout = 20 * time.Minute
			o.EndRetention = time.Minute
			o.EndSweep = 30 * time.Second
		}))
		var h endings
		handleEnds(t, m, h.handle)
		start := time.Now()
		ids := map[string]time.Duration{}
		for _, timeout := range []time.Duration{500 * time.Millisecond, 20 * time.Second, time.Hour} {
			s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
			s.SetTimeout(timeout)
			commit(t, s)
			ids[s.ID()] = timeout
		}
		time.Sleep(90 * time.Minute)
		for _, e := range h.list() {
			if lived := e.EndedAt.Sub(start); e.NoData || lived < ids[e.ID]-2*time.Millisecond || lived > ids[e.ID]+time.Second {
				t.Errorf("a session with a timeout of %v lived for %v, no data: %t", ids[e.ID], lived, e.NoData)
			}
		}
		if len(h.list()) != 3 {
			t.Errorf("%d ends", len(h.list()))
		}
	})
}

// Sessions that were there before TrackEnd was turned on, and managers that do not have
// it yet, while an application is being deployed.
func TestTurningTrackEndOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old := r.manager(session.Options{Timeout: time.Minute})
		id, unused := saved(t, old, "n", 1), saved(t, old)
		m := r.manager(tracked())
		var h endings
		handleEnds(t, m, h.handle)
		increment(t, m, id)
		for range 5 {
			time.Sleep(50 * time.Second)
			increment(t, old, id)
			if s := begin(t, m, id, session.ReadOnly); s.IsNew() {
				t.Fatal("the session is gone")
			}
		}
		time.Sleep(2 * time.Minute)
		all := h.list()
		if len(all) != 1 || all[0].ID != id || get[int](t, all[0].Session, "n") != 7 {
			t.Errorf("ended: %v", all)
		}
		if s := begin(t, m, unused, session.ReadOnly); !s.IsNew() {
			t.Error("a session that was not tracked did not expire")
		}
	})
}

// Shutting down takes nothing more, and waits for what runs.
func TestShutdownOfHandleEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(tracked(func(o *session.Options) { o.EndHandlers = 2 }))
		for range 5 {
			saved(t, m)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running, most, finished int
		var mu sync.Mutex
		done := make(chan error)
		go func() {
			done <- m.HandleEnd(ctx, func(ctx context.Context, _ session.Ended) error {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(30 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				running--
				if ctx.Err() == nil {
					finished++
				}
				return nil
			})
		}()
		time.Sleep(70 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("HandleEnd: %v", err)
		}
		if running != 0 || most != 2 || finished != 2 || r.indexed() != 3 {
			t.Errorf("%d run, %d at most, %d finished, %d are left", running, most, finished, r.indexed())
		}

		go func() {
			done <- m.HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil })
		}()
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		wantErr(t, <-done, session.ErrClosed)
		wantErr(t, m.HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }), session.ErrClosed)
	})
}

func TestHandleEndNeedsTrackEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if err := r.manager(session.Options{}).HandleEnd(context.Background(), func(context.Context, session.Ended) error { return nil }); err == nil {
			t.Error("without TrackEnd there is no error")
		}
		if err := r.manager(tracked()).HandleEnd(context.Background(), nil); err == nil {
			t.Error("without a handler there is no error")
		}
	})
}

// What a handler process does that dies right after it has claimed an end.
func (r *rig) claim(id string) {
	r.t.Helper()
	ctx := context.Background()
	time.Sleep(time.Minute + time.Second)
	if err := r.client.Set(ctx, r.key(id, "Claim"), "dead", 10*time.Second).Err(); err != nil {
		r.t.Fatal(err)
	}
}
