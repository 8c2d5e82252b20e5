package session_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// The schedule of retries: 20 ms, every second, one last try.
func TestRetrySchedule(t *testing.T) {
	for timeout, want := range map[time.Duration][]time.Duration{
		0:                       {0},
		10 * time.Millisecond:   {0, 10 * time.Millisecond},
		time.Second:             {0, 20 * time.Millisecond, time.Second},
		3500 * time.Millisecond: {0, 20 * time.Millisecond, 1020 * time.Millisecond, 2020 * time.Millisecond, 3020 * time.Millisecond, 3500 * time.Millisecond},
	} {
		t.Run(timeout.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, f := r.Faulty(session.Options{RetryTimeout: timeout})
				id := saved(t, m)
				for _, access := range []session.Access{session.ReadOnly, session.Exclusive} {
					start := time.Now()
					var got []time.Duration
					for range 20 {
						f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
							got = append(got, time.Since(start))
							return refuse(ctx, cmd, next)
						})
					}
					_, err := m.Begin(context.Background(), id, access)
					var failed *session.OpError
					if !errors.As(err, &failed) || failed.Op != "begin" {
						t.Errorf("the error is %v", err)
					}
					took := time.Since(start)
					f.Clear()
					if access == session.Exclusive {
						got = got[:min(len(got), len(want))] // the release of what it may have left behind follows
					}
					if !slices.Equal(got, want) || took != want[len(want)-1] {
						t.Errorf("%v: tried at %v, want %v; gave up after %v", access, got, want, took)
					}
				}
			})
		})
	}
}

// A try that takes longer than RetryTimeout is followed by one last one at once.
func TestLastTryComesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
		id := saved(t, m)
		slow := func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(5 * time.Second)
			return refuse(ctx, cmd, next)
		}
		f.Then(slow)
		start := time.Now()
		begin(t, m, id, session.ReadOnly)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		f.Then(slow, slow)
		if _, err := m.Begin(context.Background(), id, session.ReadOnly); err == nil {
			t.Error("there was a third try")
		}
	})
}

func TestRetryEndsWithTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Hour})
		id := saved(t, m)
		for range 10 {
			f.Then(refuse)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := m.Begin(ctx, id, session.ReadOnly)
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("the error does not say what failed: %v", err)
		}
	})
}

// What heals is tried again, what does not is not.
func TestWhatIsRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		fails := func(err error) func(context.Context, redis.Cmder, redis.ProcessHook) error {
			return func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
				cmd.SetErr(err)
				return err
			}
		}
		m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
		id := saved(t, m)
		for _, c := range []struct {
			name  string
			fault func(context.Context, redis.Cmder, redis.ProcessHook) error
			heals bool
		}{
			{"connection refused", refuse, true},
			{"connection closed", fails(io.EOF), true},
			{"connection closed within a reply", fails(io.ErrUnexpectedEOF), true},
			{"time-out", fails(&net.OpError{Op: "read", Err: context.DeadlineExceeded}), true},
			{"pool time-out", fails(redis.ErrPoolTimeout), true},
			{"name not found", fails(&net.DNSError{Err: "no such host", Name: "redis"}), true},
			{"LOADING", answers("LOADING Redis is loading the dataset in memory"), true},
			{"READONLY", answers("READONLY You can't write against a read only replica."), true},
			{"READONLY in a script of Redis 6", answers("ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica."), true},
			{"CLUSTERDOWN", answers("CLUSTERDOWN The cluster is down"), true},
			{"MASTERDOWN", answers("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."), true},
			{"TRYAGAIN", answers("TRYAGAIN Multiple keys request during rehashing of slot"), true},
			{"too many clients", answers("ERR max number of clients reached"), true},
			{"WRONGPASS", answers("WRONGPASS invalid username-password pair or user is disabled."), false},
			{"NOAUTH", answers("NOAUTH Authentication required."), false},
			{"WRONGTYPE", answers("WRONGTYPE Operation against a key holding the wrong kind of value"), false},
			{"NOPERM", answers("NOPERM No permissions to access a key"), false},
			{"an error of ours", answers("ERR Error running script: attempt to call a nil value"), false},
			{"closed client", fails(redis.ErrClosed), false},
			{"cancelled", fails(context.Canceled), false},
		} {
			f.Then(c.fault)
			before := m.Stats().Retries
			_, err := m.Begin(context.Background(), id, session.ReadOnly)
			if c.heals != (err == nil) || c.heals != (m.Stats().Retries == before+1) {
				t.Errorf("%s: error %v, %d retries", c.name, err, m.Stats().Retries-before)
			}
		}
	})
}

// A script that the server does not know is sent again at once, and that is no retry.
func TestScriptsAreReloaded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 0)
		start := time.Now()
		for range 3 {
			if err := r.Client.ScriptFlush(context.Background()).Err(); err != nil {
				t.Fatal(err)
			}
			s := begin(t, m, id, session.Exclusive)
			s.Set("n", get[int](t, s, "n")+1)
			if err := r.Client.ScriptFlush(context.Background()).Err(); err != nil {
				t.Fatal(err)
			}
			commit(t, s)
		}
		if n := get[int](t, view(t, m, id), "n"); n != 3 || time.Since(start) != 0 || m.Stats().Retries != 0 {
			t.Errorf("n is %d after %v and %d retries", n, time.Since(start), m.Stats().Retries)
		}
	})
}

// After READONLY the next try is on a new connection, so that a
// name that points to the new master is looked up again.
func TestReadOnlyReplicaIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		dials := 0
		client := r.NewClient(func(o *redis.UniversalOptions) {
			o.Dialer = func(context.Context, string, string) (net.Conn, error) {
				dials++
				conn, err := r.Mini.Dial()
				if dials == 1 {
					return &readOnlyConn{Conn: conn}, err
				}
				return conn, err
			}
		})
		id := saved(t, r.Manager(session.Options{}))
		m := r.ManagerOn(client, session.Options{RetryTimeout: time.Second})
		if s := begin(t, m, id, session.Exclusive); s.IsNew() {
			t.Error("not found")
		} else {
			commit(t, s)
		}
		if dials < 2 {
			t.Errorf("%d dials", dials)
		}
	})
}

// readOnlyConn answers every script as a replica does.
type readOnlyConn struct {
	net.Conn
	script bool
}

func (c *readOnlyConn) Write(b []byte) (int, error) {
	c.script = strings.Contains(strings.ToLower(string(b)), "evalsha")
	return c.Conn.Write(b)
}

func (c *readOnlyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.script && err == nil {
		return copy(b, "-READONLY You can't write against a read only replica.\r\n"), nil
	}
	return n, err
}

// Idle connections that the server has closed are no failure, however many they are: over TLS
// nobody sees that before they are used.
func TestDeadConnections(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	ctx := context.Background()
	server, err := redistest.Start(ctx, redistest.Options{TLS: redistest.MutualTLS})
	if errors.Is(err, redistest.ErrNoTLS) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := newRig(t)
	r.To(redis.UniversalOptions{Addrs: []string{server.Addr()}, TLSConfig: server.Certificates().Config()})
	client := r.NewClient()
	m := r.ManagerOn(client, session.Options{})
	id := saved(t, m, "n", 1)
	for round, change := range []func(s *session.Session){
		func(s *session.Session) { s.Set("n", 2) }, (*session.Session).Rotate, func(s *session.Session) { s.SetPrincipal("ann") },
	} {
		var all sync.WaitGroup
		release := make(chan struct{})
		for range 10 {
			conn := client.(*redis.Client).Conn()
			if err := conn.Ping(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			all.Go(func() { <-release; _ = conn.Close() })
		}
		close(release)
		all.Wait()
		cut := func() {
			t.Helper()
			idle := client.PoolStats().IdleConns
			if err := r.Client.Do(ctx, "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil || idle == 0 {
				t.Fatalf("%d idle connections (%v)", idle, err)
			}
		}
		cut()
		s := begin(t, m, id, session.Exclusive)
		change(s)
		cut()
		commit(t, s)
		id = s.ID()
		if round == 0 && m.Stats().Retries < 10 {
			t.Errorf("%d connections were found dead", m.Stats().Retries)
		}
	}
	if v := view(t, m, id); v.Principal() != "ann" || get[int](t, v, "n") != 2 {
		t.Error("something was not written")
	}
}
