package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// A call whose reply was lost is tried again and takes effect once. The connection breaks
// after the server has executed the call.
func TestLostReplies(t *testing.T) {
	for name, retries := range map[string]int{"the manager tries again": -1, "the client does": 3} {
		t.Run(name, func(t *testing.T) { lostReplies(t, retries) })
	}
}

func lostReplies(t *testing.T, retries int) {
	onEach(t, func(t *testing.T, r *rig) {
		d := &dropper{dial: r.Dial, tls: r.Reach.TLSConfig}
		client := r.NewClient(func(o *redis.UniversalOptions) { o.Dialer, o.MaxRetries = d.Dial, retries })
		m := r.ManagerOn(client, session.Options{RetryTimeout: 5 * time.Second})
		warm := saved(t, m)
		commit(t, begin(t, m, warm, session.Exclusive))

		losing := func(what string, f func()) {
			t.Helper()
			d.armed.Store(1)
			before := d.dropped.Load()
			f()
			if d.dropped.Load() == before {
				t.Errorf("%s: no reply was dropped", what)
			}
		}

		var s *session.Session
		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		losing("create", func() { commit(t, s) })
		id := s.ID()
		if keys := r.Keys(); len(keys) != 2 {
			t.Fatalf("create: there are %v", keys)
		}

		losing("begin", func() { s = begin(t, m, id, session.Exclusive) })
		s.Set("n", 2)
		losing("commit", func() { commit(t, s) })
		losing("begin ReadOnly", func() { s = begin(t, m, id, session.ReadOnly) })
		if get[int](t, s, "n") != 2 {
			t.Error("commit: not written")
		}

		s = begin(t, m, id, session.Exclusive)
		losing("unchanged commit", func() { commit(t, s) })

		s = begin(t, m, id, session.Shared)
		s.Set("n", 3)
		losing("merge", func() { commit(t, s) })

		s = begin(t, m, id, session.Exclusive)
		s.Rotate()
		losing("rotate", func() { commit(t, s) })
		if s.ID() == id || get[int](t, view(t, m, s.ID()), "n") != 3 {
			t.Error("rotate: not done")
		}
		id = s.ID()

		s = begin(t, m, id, session.Exclusive)
		s.Abandon()
		losing("abandon", func() { commit(t, s) })
		if !begin(t, m, id, session.ReadOnly).Detached() {
			t.Error("abandon: not done")
		}

		id = saved(t, m)
		losing("end", func() {
			if err := m.End(context.Background(), id); err != nil {
				t.Errorf("end: %v", err)
			}
		})
		if st := m.Stats(); st.Errors != 0 || st.LeasesLost != 0 {
			t.Errorf("stats are %+v", st)
		}
	})
}

// Lost replies to a commit are not written twice: what another request has
// written since stays.
func TestLostReplyIsNotWrittenTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
		other := r.Manager(session.Options{})
		for name, access := range map[string]session.Access{"exclusive": session.Exclusive, "shared": session.Shared} {
			id := saved(t, m, "n", 1)
			for range 2 { // the first time loads the script
				s := begin(t, m, id, access)
				s.Set("m", rand.Int())
				commit(t, s)
			}
			s := begin(t, m, id, access)
			s.Set("n", 2)
			// Between the lost reply and the next try the value is changed
			// behind the engine's back, so that the token stays.
			f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				err := lose(ctx, cmd, next)
				r.Client.HSet(context.Background(), r.Key(id, "Data"), "n", "3")
				return err
			})
			commit(t, s)
			if n := get[int](t, view(t, other, id), "n"); n != 3 {
				t.Errorf("%s: n is %d: the commit was written twice", name, n)
			}
		}
	})
}

// dropper makes connections that lose replies: the server has executed the call,
// the client sees the connection end.
type dropper struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // nil for plain connections
	// armed is the number of replies to drop.
	armed atomic.Int64
	// dropped counts them.
	dropped atomic.Int64
}

var errDropped = errors.New("connection reset, as planned")

func (d *dropper) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := d.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if d.tls != nil {
		config := d.tls.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
		conn = tls.Client(conn, config)
	}
	return &dropConn{Conn: conn, d: d}, nil
}

type dropConn struct {
	net.Conn
	d *dropper
}

func (c *dropConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.d.armed.Load() > 0 && c.d.armed.Add(-1) >= 0 {
		c.d.dropped.Add(1)
		_ = c.Close()
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: errDropped}
	}
	return n, err
}
