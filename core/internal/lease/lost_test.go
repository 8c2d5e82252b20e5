package lease_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// A process that died frees its sessions within LockTTL.
func TestLeaseOfADeadProcess(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		dead, alive := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := rig.Saved(t, alive)
		rig.Begin(t, dead, id, session.Exclusive)
		time.Sleep(time.Second)
		_ = dead.Close() // renews no more
		start := time.Now()
		s := rig.Begin(t, alive, id, session.Exclusive)
		if took := time.Since(start); took > 10*time.Second+500*time.Millisecond || took < 5*time.Second {
			t.Errorf("free after %v", took)
		}
		rig.Commit(t, s)
	})
}

// A commit that finds the lease lost counts it, if nobody has noticed before.
func TestLostLeaseIsCountedOnce(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
		s.Set("n", 1)
		r.Client.Del(context.Background(), r.Key(s.ID(), "Lock"))
		rig.WantErr(t, s.Commit(context.Background()), session.ErrLockLost)
		if n := m.Stats().LeasesLost; n != 1 {
			t.Errorf("LeasesLost is %d, want 1", n)
		}
	})
}

// Who lost the lease writes nothing, is told, and does not take the lease from whoever has
// it now.
func TestStaleHolderWritesNothing(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		for name, finish := range map[string]func(s *session.Session) error{
			"commit":   func(s *session.Session) error { s.Set("n", 2); return s.Commit(ctx) },
			"rotate":   func(s *session.Session) error { s.Rotate(); return s.Commit(ctx) },
			"rollback": func(s *session.Session) error { s.Rollback(ctx); return session.ErrLockLost },
		} {
			id := rig.Saved(t, m, "n", 1)
			stale := rig.Begin(t, m, id, session.Exclusive)
			thief := strings.Repeat("t", 28)
			if err := r.Client.Set(ctx, r.Key(id, "Lock"), thief, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if err := finish(stale); !errors.Is(err, session.ErrLockLost) {
				t.Errorf("%s: %v", name, err)
			}
			if got := r.Client.Get(ctx, r.Key(id, "Lock")).Val(); got != thief {
				t.Errorf("%s: took the lease from its holder", name)
			}
			if s := rig.View(t, m, id); s.IsNew() || rig.Get[int](t, s, "n") != 1 {
				t.Errorf("%s: wrote", name)
			}
			if keys := r.Keys(); len(keys) > 3 { // those of the session, and at most what a rotation retired
				t.Errorf("%s: left %v", name, keys)
			}
			for _, key := range r.Keys() {
				r.Client.Del(ctx, key)
			}
		}
	})
}

func TestLostIsToldEarly(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		id := rig.Saved(t, m)
		s := rig.Begin(t, m, id, session.Exclusive)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("told after %v", took)
		}
		<-s.Lost() // closed, not sent
		if rig.Begin(t, m, id, session.ReadOnly).Lost() != nil {
			t.Error("a session without a lease can lose one")
		}
	})
}

// A lease that runs out after Close is lost too.
func TestLostAfterClose(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m := r.Manager(session.Options{})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
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
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		var armed atomic.Bool
		client := r.NewClient(func(o *redis.UniversalOptions) {
			dial := o.Dialer
			o.Dialer = func(ctx context.Context, n, a string) (net.Conn, error) {
				c, err := dial(ctx, n, a)
				return stallConn{c, &armed}, err
			}
		})
		m := r.ManagerOn(client, session.Options{LockTTL: time.Second})
		s := rig.Begin(t, m, rig.Saved(t, m), session.Exclusive)
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

// A commit that is under way for long is not mistaken for a lost lease by its own
// renewal, which finds the lease given up.
func TestSlowCommitIsNoLostLease(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Minute})
		id := rig.Saved(t, m, "n", 0)
		rig.Increment(t, m, id) // loads the scripts
		for name, finish := range map[string]func(s *session.Session){
			"commit":  func(s *session.Session) { s.Set("n", 2) },
			"rotate":  func(s *session.Session) { s.Rotate() },
			"abandon": func(s *session.Session) { s.Abandon() },
		} {
			id := rig.Saved(t, m, "n", 1)
			s := rig.Begin(t, m, id, session.Exclusive)
			finish(s)
			slow := func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				err := rig.Lose(ctx, cmd, next)
				time.Sleep(4 * time.Second) // a renewal is due after 3.3 s
				return err
			}
			if name == "rotate" {
				f.Then(nil, slow)
			} else {
				f.Then(slow)
			}
			rig.Commit(t, s)
			if st := m.Stats(); st.LeasesLost != 0 || st.Errors != 0 {
				t.Errorf("%s: %d leases were lost, %d errors", name, st.LeasesLost, st.Errors)
			}
		}
	})
}

// A commit that is not known to have happened does not count as one when
// another request has changed the session since.
func TestCommitAfterLostLeaseIsNotASuccess(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
		other := r.Manager(session.Options{})
		id := rig.Saved(t, m, "n", 1)
		s := rig.Begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := rig.Refuse(ctx, cmd, next)
			r.Client.Del(context.Background(), r.Key(id, "Lock"))
			rig.Increment(t, other, id)
			rig.Increment(t, other, id)
			return err
		})
		rig.WantErr(t, s.Commit(context.Background()), session.ErrLockLost)
		if n := rig.Get[int](t, rig.View(t, other, id), "n"); n != 3 {
			t.Errorf("n is %d", n)
		}
	})
}
