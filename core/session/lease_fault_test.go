package session_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// OnError that asks the session who it was: the most natural hook.
func TestErrorHookMayUseTheSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{Hooks: session.Hooks{
			OnError: func(ctx context.Context, err error) { _ = session.FromContext(ctx).Principal() },
		}})
		warmUp(t, m)
		s := begin(t, m, saved(t, m), session.Exclusive)
		f.Then(refuse)
		done := make(chan struct{})
		go func() { s.Rollback(session.NewContext(context.Background(), s)); close(done) }()
		select {
		case <-done:
		case <-time.After(3 * time.Second): // a deadlock of a mutex is no durable block
			t.Fatal("Rollback holds the session's mutex while it calls OnError: deadlock")
		}
	})
}

// A lease that runs out after Close is lost too.
func TestLostAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, saved(t, m), session.Exclusive)
		lost := s.Lost()
		_ = m.Close()
		time.Sleep(time.Minute)
		if r.Exists(r.Key(s.ID(), "Lock")) {
			t.Fatal("still held")
		}
		select {
		case <-lost:
		default:
			t.Error("the lease ran out 50 s ago, Lost does not tell")
		}
		s.Rollback(context.Background())
	})
}

// An OnError hook that shuts the service down.
func TestCloseInAHook(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		closed := make(chan struct{})
		var m *session.Manager
		m = r.Manager(session.Options{LockHold: time.Second, Hooks: session.Hooks{
			OnError: func(context.Context, error) {
				go func() { _ = m.Close(); close(closed) }()
				select {
				case <-closed:
				case <-time.After(time.Hour):
					t.Error("Close waits for the hook that calls it")
				}
			},
		}})
		s := begin(t, m, saved(t, m), session.Exclusive)
		<-closed
		s.Rollback(context.Background())
	})
}

// stallConn swallows what is written once armed: a black hole, not a refused connection.
type stallConn struct {
	net.Conn
	armed *atomic.Bool
}

func (c stallConn) Write(b []byte) (int, error) {
	if c.armed.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// A server that does not answer: Lost must tell when the lease has run out.
func TestLostOnAStalledServer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var armed atomic.Bool
		client := r.NewClient(func(o *redis.UniversalOptions) {
			dial := o.Dialer
			o.Dialer = func(ctx context.Context, n, a string) (net.Conn, error) {
				c, err := dial(ctx, n, a)
				return stallConn{c, &armed}, err
			}
		})
		m := r.ManagerOn(client, session.Options{LockTTL: time.Second})
		s := begin(t, m, saved(t, m), session.Exclusive)
		start := time.Now()
		armed.Store(true)
		<-s.Lost()
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("LockTTL is 1s, Lost told after %v", took)
		}
		armed.Store(false)
		s.Rollback(context.Background())
	})
}

// The lease may be as old as the request for it: a slow reply does not prolong it.
func TestLeaseIsAsOldAsItsRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		warmUp(t, m)
		id := saved(t, m)
		start := time.Now()
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd)
			time.Sleep(3 * time.Second)
			return err
		})
		s := begin(t, m, id, session.Exclusive)
		for range 100 {
			f.Then(refuse)
		}
		<-s.Lost()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("lost after %v, want 10s", took)
		}
		s.Rollback(context.Background())
	})
}

// After LockHold there is no renewal, also when the last one had failed.
func TestNoRenewalAfterLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{LockTTL: 9 * time.Second, LockHold: 10 * time.Second})
		s := begin(t, m, saved(t, m), session.Exclusive)
		start := time.Now()
		time.Sleep(8 * time.Second) // renewals at 3 s and 6 s were fine
		f.Then(refuse, refuse)      // at 9 s and 9.9 s; the try at 10.8 s is after LockHold
		select {
		case <-s.Lost():
		case <-time.After(time.Minute):
		}
		if took := time.Since(start); took > 19*time.Second {
			t.Errorf("LockHold 10s, LockTTL 9s: held for %v", took)
		}
	})
}

// Close ends the waiting of requests, also between two tries.
func TestCloseDuringRetry(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Minute})
		id := saved(t, m)
		for range 200 {
			f.Then(refuse)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() { _ = m.Close() })
		_, err := m.Begin(context.Background(), id, session.Exclusive)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Begin went on for %v after Close: %v", took, err)
		}
	})
}

// A begin that queued, lost its reply and then found the lease of a dead holder
// free must not stay in the queue: its own commit would hand the lease to itself.
func TestLeaseIsNotHandedToItself(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{RetryTimeout: 5 * time.Second})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		r.Client.Set(ctx, r.Key(id, "Lock"), "deadprocessdeadp0000000001", 10*time.Millisecond)
		f.Then(lose)
		s := begin(t, m, id, session.Exclusive) // second try after 20 ms
		s.Set("n", 2)
		commit(t, s)
		if r.Exists(r.Key(id, "Lock")) {
			t.Errorf("the commit gave the lease to the token it had just finished with: %s",
				r.Client.Get(ctx, r.Key(id, "Lock")).Val())
		}
	})
}

// The lease is handed over between the begin that queued the token and the
// waiter's Register: the message must not be lost on a waiter that is right here.
func TestHandOverBeforeRegister(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		other := r.Manager(session.Options{})
		id := saved(t, m)
		// A first wait sets the subscription up.
		held := begin(t, other, id, session.Exclusive)
		time.AfterFunc(time.Second, func() { held.Rollback(context.Background()) })
		begin(t, m, id, session.Exclusive).Rollback(context.Background())

		held = begin(t, other, id, session.Exclusive)
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := next(ctx, cmd) // busy, queued
			held.Rollback(context.Background())
			time.Sleep(time.Millisecond) // the message comes on its own connection
			return err
		})
		start := time.Now()
		s := begin(t, m, id, session.Exclusive)
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("the lease was ours after 0 ms, taken after %v", took)
		}
		s.Rollback(context.Background())
	})
}

// MaxWaiters 1: one waits, the second fails at once, wherever the holder is.
func TestMaxWaitersWithHolderElsewhere(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, other := r.Manager(session.Options{MaxWaiters: 1, LockWait: 5 * time.Second}), r.Manager(session.Options{})
		id := saved(t, m)
		held := begin(t, other, id, session.Exclusive)
		errs := make(chan error, 2)
		for range 2 {
			go func() { _, err := m.Begin(context.Background(), id, session.Exclusive); errs <- err }()
		}
		time.Sleep(time.Second)
		select {
		case err := <-errs:
			wantErr(t, err, session.ErrLockTimeout)
		default:
			t.Error("MaxWaiters is 1, two wait")
		}
		time.Sleep(time.Minute)
		held.Rollback(context.Background())
	})
}

// between changes a session in the moment between the script that takes its lease and the
// HGETALL that loads it.
type between struct {
	loaded func(fields map[string]string)
}

func (between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (between) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if all, ok := cmds[len(cmds)-1].(*redis.MapStringStringCmd); ok && b.loaded != nil {
			b.loaded(all.Val())
		}
		return err
	}
}

func TestGoneBetweenLeaseAndLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client, b := r.NewClient(), &between{}
		client.AddHook(b)
		m := r.ManagerOn(client, session.Options{})
		retired := func(why string) func(map[string]string) {
			return func(fields map[string]string) { clear(fields); fields["_berth"] = "2 retired token " + why + " -" }
		}
		for name, c := range map[string]struct {
			change   func(fields map[string]string)
			detached bool
			previous session.Reason
		}{
			"expired":   {func(fields map[string]string) { clear(fields) }, false, ""},
			"abandoned": {retired("abandoned"), true, ""},
			"ended":     {retired("operator"), false, session.Operator},
			"rotated":   {func(fields map[string]string) { fields["_berth_secret"] = session.Proof(session.NewID()) }, true, ""},
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
				b.loaded = nil
				id := saved(t, m, "n", 1)
				b.loaded = c.change
				s := begin(t, m, id, access)
				if s.Len() != 0 || s.IsNew() == c.detached || s.Detached() != c.detached || s.PreviousEnd() != c.previous {
					t.Errorf("%s, %v: new %t, detached %t, %d values, %q", name, access, s.IsNew(), s.Detached(), s.Len(), s.PreviousEnd())
				}
				s.Rollback(ctx)
				synctest.Wait()
				if r.Exists(r.Key(id, "Lock")) {
					t.Errorf("%s, %v: the lease was left behind", name, access)
				}
			}
		}
	})
}
