package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// events is what an observer heard.
type events struct {
	mu   sync.Mutex
	list []session.Event
}

type operation struct{}

// observer notes all events. Operations must come with the context that Start returned for them.
func (e *events) observer(t *testing.T) session.Observer {
	return session.Observer{
		Start: func(ctx context.Context, op session.Op, _ string) context.Context {
			return context.WithValue(ctx, operation{}, op)
		},
		Event: func(ctx context.Context, one session.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.list = append(e.list, one)
			timed := slices.Contains([]session.Op{session.OpBegin, session.OpCommit, session.OpRollback, session.OpHandleEnd}, one.Op)
			if timed && (ctx.Value(operation{}) != one.Op || one.Start.IsZero()) || one.App == "" {
				t.Errorf("%+v comes with the context of %v", one, ctx.Value(operation{}))
			}
		},
	}
}

// take returns the events of an operation, and forgets all.
func (e *events) take(op session.Op) []session.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var of []session.Event
	for _, one := range e.list {
		if one.Op == op {
			of = append(of, one)
		}
	}
	e.list = nil
	return of
}

func TestObserveRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, on := r.Matching(session.Options{FailSilently: true, LockWait: 3 * time.Second})
		defer m.Observe(heard.observer(t))()
		outcome := func(op session.Op, want session.Outcome) session.Event {
			t.Helper()
			all := heard.take(op)
			if len(all) != 1 || all[0].Outcome != want {
				t.Fatalf("heard %+v, want one %s with %s", all, op, want)
			}
			return all[0]
		}
		s := begin(t, m, "", session.Exclusive)
		outcome(session.OpBegin, session.OutcomeNew)
		s.Set("k", "value")
		commit(t, s)
		if e := outcome(session.OpCommit, session.OutcomeCreated); e.Fields != 1 || e.Bytes != len(`k"value"`) || e.Handle != s.Handle() {
			t.Errorf("the first commit is %+v", e)
		}
		id := s.ID()

		s = begin(t, m, id, session.Exclusive)
		if e := outcome(session.OpBegin, session.OutcomeFound); e.Waited != 0 || e.Handle != handleOf(id) || e.Access != session.Exclusive {
			t.Errorf("the begin is %+v", e)
		}
		time.Sleep(time.Second)
		commit(t, s)
		if e := outcome(session.OpCommit, session.OutcomeUnchanged); e.Held != time.Second || e.Bytes != 0 {
			t.Errorf("the second commit is %+v", e)
		}

		s = begin(t, m, id, session.Exclusive)
		heard.take("")
		got := r.Waiter(m, id)
		time.Sleep(2 * time.Second)
		if now := m.Stats(); now.Held != 1 || now.Waiting != 1 {
			t.Errorf("%d are held, and %d wait", now.Held, now.Waiting)
		}
		s.Set("k", "w")
		s.Delete("none")
		commit(t, s)
		outcome(session.OpCommit, session.OutcomeSaved)
		waited := got()
		if e := outcome(session.OpBegin, session.OutcomeFound); e.Waited < 2*time.Second || e.Waited > 3*time.Second {
			t.Errorf("waited %v", e.Waited)
		}
		_, err := m.Begin(t.Context(), id, session.Exclusive)
		if e := outcome(session.OpBegin, session.OutcomeLockTimeout); e.Waited != 3*time.Second || !errors.Is(e.Err, session.ErrLockTimeout) || err == nil {
			t.Errorf("in vain: %+v", e)
		}
		waited.Rollback(t.Context())
		if all := heard.take(session.OpRollback); len(all) != 1 || all[0].Held < 3*time.Second || all[0].Handle != handleOf(id) {
			t.Errorf("given up: %+v", all)
		}

		on.Arm(r.Key(id, "Data"), refuse)
		begin(t, m, id, session.ReadOnly)
		if e := outcome(session.OpBegin, session.OutcomeDetached); e.Err == nil {
			t.Error("why it is detached is not told")
		}
		s = begin(t, m, id, session.Exclusive)
		s.Set("k", func() {})
		if s.Commit(t.Context()) == nil {
			t.Error("a function was saved")
		}
		outcome(session.OpCommit, session.OutcomeFailed)
		s.Rollback(t.Context())
		if now := m.Stats(); now.Held != 0 || now.Waiting != 0 {
			t.Errorf("in the end %d are held, and %d wait", now.Held, now.Waiting)
		}
	})
}

func TestObserveTheRest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var heard events
		m, on := r.Matching(tracked(func(o *session.Options) {
			o.RetryTimeout, o.LockTTL, o.LockHold, o.EndAttempts = time.Second, time.Second, time.Second, 1
		}))
		stop := m.Observe(heard.observer(t))
		id := saved(t, m)
		on.Arm(r.Key(id, "Data"), refuse)
		commit(t, begin(t, m, id, session.ReadOnly))
		if all := heard.take(session.OpRetry); len(all) != 1 || all[0].Attempt != 1 || all[0].Err == nil {
			t.Errorf("retried: %+v", all)
		}
		s := begin(t, m, id, session.Exclusive)
		time.Sleep(5 * time.Second)
		if all := heard.take(session.OpLeaseLost); len(all) != 1 || all[0].Handle != handleOf(id) {
			t.Errorf("lost: %+v", all)
		}
		s.Rollback(t.Context())
		if now := m.Stats(); now.Held != 0 {
			t.Errorf("%d are held", now.Held)
		}
		if all := heard.take(session.OpFailure); len(all) != 1 || !errors.Is(all[0].Err, session.ErrLockLost) {
			t.Errorf("failed: %+v", all)
		}
		if err := m.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if all := heard.take(session.OpEnd); len(all) != 1 || all[0].Reason != session.Operator || all[0].Handle != handleOf(id) {
			t.Errorf("ended: %+v", all)
		}
		time.Sleep(time.Minute)
		quit := handleEnds(t, m, func(context.Context, session.Ended) error { panic("never mind") })
		time.Sleep(time.Minute)
		quit()
		heard.mu.Lock()
		var ends, asides []session.Event
		for _, e := range heard.list {
			switch e.Op {
			case session.OpHandleEnd:
				ends = append(ends, e)
			case session.OpAside:
				asides = append(asides, e)
			}
		}
		heard.mu.Unlock()
		if len(ends) != 1 || ends[0].Err == nil || ends[0].Lag < time.Minute || ends[0].Attempt != 1 || ends[0].Reason != session.Operator {
			t.Errorf("handled: %+v", ends)
		}
		if len(asides) != 1 || asides[0].Handle != handleOf(id) {
			t.Errorf("aside: %+v", asides)
		}
		stop()
		stop()
		heard.take("")
		saved(t, m)
		if all := heard.list; len(all) != 0 {
			t.Errorf("heard after stop: %+v", all)
		}
	})
}

// Redis is called with the context of Start, and every observer hears of everything.
func TestObserversAreManyAndNested(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var calls []any
		client := r.NewClient()
		client.AddHook(seer(func(ctx context.Context) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, ctx.Value(operation{}))
		}))
		m := r.ManagerOn(client, session.Options{Codec: panicky{}})
		var one, two events
		m.Observe(one.observer(t))
		m.Observe(session.Observer{})
		defer m.Observe(two.observer(t))()
		id := saved(t, m, "k", "v")
		commit(t, begin(t, m, id, session.Exclusive))
		for _, op := range []session.Op{session.OpBegin, session.OpCommit} {
			if a, b := len(one.take(op)), len(two.take(op)); a == 0 || a != b {
				t.Errorf("%s: heard %d and %d times", op, a, b)
			}
			saved(t, m, "k", "v")
		}
		mu.Lock()
		if slices.Contains(calls, nil) || !slices.Contains(calls, any(session.OpBegin)) || !slices.Contains(calls, any(session.OpCommit)) {
			t.Errorf("Redis is called with %v", calls)
		}
		mu.Unlock()
		one.take("")
		func() {
			defer func() { _ = recover() }()
			s := begin(t, m, "", session.Exclusive)
			defer s.Rollback(t.Context())
			s.Set("k", "panic")
			_ = s.Commit(t.Context())
		}()
		if all := one.take(session.OpCommit); len(all) != 1 || all[0].Outcome != session.OutcomeFailed || all[0].Err == nil {
			t.Errorf("after a panic: %+v", all)
		}
	})
}

// panicky is a codec that panics.
type panicky struct{ session.JSON }

func (p panicky) Marshal(v any) ([]byte, error) {
	if text, ok := v.(string); ok && strings.Contains(text, "panic") {
		panic("in a codec")
	}
	return p.JSON.Marshal(v)
}

// seer is a hook of a client that sees the contexts of all calls.
type seer func(ctx context.Context)

func (s seer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s seer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s(ctx)
		return next(ctx, cmd)
	}
}

func (s seer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s(ctx)
		return next(ctx, cmds)
	}
}
