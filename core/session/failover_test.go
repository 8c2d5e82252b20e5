//go:build testall

package session_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// recovery is how soon after there is a new master every session must have been
// written again, by requests that are not retried.
const recovery = 3 * time.Second

// A master is killed, or told to give way, under requests that increment. What Redis's
// asynchronous replication loses is told apart from what berth would lose by a control:
// after each acknowledged commit a plain SET of the same number, in the same slot and by
// the same server. A server's writes are replicated in order, so a commit that is gone
// though its control is there was lost by berth.
func TestFailoverUnderLoad(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c, err := redistest.StartCluster(t.Context(), redistest.ClusterOptions{Replicas: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Stop() })
		master := func() *redistest.Server {
			masters, err := c.Masters(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return masters[0]
		}
		l := newLoad(t, session.Config{URL: "redis+cluster://" + strings.Join(c.Addrs(), ",")})
		l.during(t, "giving way", true, func() error {
			_, err := c.Failover(t.Context(), master())
			return errors.Join(err, c.WaitReady(t.Context()))
		})
		l.during(t, "crash", false, func() error {
			return errors.Join(master().Kill(), c.WaitReady(t.Context()))
		})
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{FailAfter: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop() })
		l := newLoad(t, session.Config{URL: "redis+sentinel://" + strings.Join(s.SentinelAddrs(), ",") + "/" + s.MasterName()})
		l.during(t, "giving way", false, func() error {
			_, err := s.Failover(t.Context())
			return errors.Join(err, s.WaitReady(t.Context()))
		})
		l.during(t, "crash", false, func() error {
			master, err := s.Master(t.Context())
			if err != nil {
				return err
			}
			return errors.Join(master.Kill(), s.WaitReady(t.Context()))
		})
	})
}

// load is one request at a time on each of some sessions.
type load struct {
	m   *session.Manager
	app string
	ids []string
}

func newLoad(t *testing.T, c session.Config) *load {
	t.Helper()
	r := newRig(t)
	o := session.Options{App: r.App, Logger: slog.New(slog.DiscardHandler)}
	m, err := session.Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	l := &load{m: m, app: r.App}
	for range 30 {
		l.ids = append(l.ids, saved(t, m, "n", 0))
	}
	return l
}

// outcome is what the requests of one session saw.
type outcome struct {
	acked     int // n of the last acknowledged commit
	unknown   int // commits since whose outcome is not known
	requests  int
	failed    int
	byRedis   int       // acknowledged commits that are gone, and their controls too
	byBerth   int       // acknowledged commits that are gone, though their control is there
	twice     int       // more increments than commits
	recovered time.Time // of the first commit that was begun after there was a new master
}

// during lets requests run while disturb does what makes another server the master.
func (l *load) during(t *testing.T, what string, lossless bool, disturb func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var warm, done sync.WaitGroup
	warm.Add(len(l.ids))
	var mu sync.Mutex
	var renewed time.Time // when there was a new master
	outcomes := make([]outcome, len(l.ids))
	for i := range l.ids {
		done.Go(func() {
			o := &outcomes[i]
			o.acked = l.number(ctx, l.ids[i])
			for ctx.Err() == nil {
				mu.Lock()
				after := renewed
				mu.Unlock()
				ok := l.request(ctx, &l.ids[i], o)
				now := time.Now()
				if o.requests++; o.requests == 20 {
					warm.Done()
				}
				if ok && !after.IsZero() {
					o.recovered = now
					return
				}
				if !ok {
					<-time.After(5 * time.Millisecond)
				}
			}
		})
	}
	warm.Wait()
	err := disturb()
	mu.Lock()
	renewed = time.Now()
	mu.Unlock()
	if err != nil {
		t.Error(err)
	}
	done.Wait()

	var sum outcome
	var slowest time.Duration
	for _, o := range outcomes {
		sum.requests += o.requests
		sum.failed += o.failed
		sum.byRedis += o.byRedis
		sum.byBerth += o.byBerth
		sum.twice += o.twice
		if o.recovered.IsZero() {
			t.Errorf("%s: a session was not written again", what)
			continue
		}
		slowest = max(slowest, o.recovered.Sub(renewed))
	}
	t.Logf("%s: %d requests, %d failed; all sessions written again %v after there was a new master; acknowledged commits lost by Redis %d, by berth %d",
		what, sum.requests, sum.failed, slowest.Round(time.Millisecond), sum.byRedis, sum.byBerth)
	if sum.byBerth != 0 || sum.twice != 0 {
		t.Errorf("%s: berth lost %d commits and made %d twice", what, sum.byBerth, sum.twice)
	}
	if lossless && sum.byRedis != 0 {
		t.Errorf("%s: lost %d, though the replica had everything", what, sum.byRedis)
	}
	if slowest > recovery {
		t.Errorf("%s: it took %v", what, slowest)
	}
}

func (l *load) controlKey(id string) string { return "{" + l.app + "_" + handleOf(id) + "}_Control" }

// control writes a number on the server that made a commit, and returns who executed it.
// A server that is another by now writes nothing.
var control = redis.NewScript(`
	local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
	if server == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
	return server`)

// number is what a session is at.
func (l *load) number(ctx context.Context, id string) int {
	for ctx.Err() == nil {
		if s, err := l.m.Begin(ctx, id, session.ReadOnly); err == nil {
			n, _ := session.Get[int](s, "n")
			return n
		}
	}
	return 0
}

// request increments once, and tells whether that was acknowledged. A session that is gone
// altogether, since a replica was made master before it had the data, is lost like a
// commit; the request gets a new one then.
func (l *load) request(ctx context.Context, own *string, o *outcome) bool {
	id := *own
	s, err := l.m.Begin(ctx, id, session.Exclusive)
	if err != nil {
		o.failed++
		return false
	}
	defer s.Rollback(ctx)
	if s.IsNew() {
		switch found, err := l.m.Client().Exists(ctx, l.controlKey(id)).Result(); {
		case err != nil:
			return false // and look again
		case found == 1:
			o.byBerth += o.acked
		default:
			o.byRedis += o.acked
		}
		s.Set("n", 0)
		if err := s.Commit(ctx); err != nil {
			o.failed++
			return false
		}
		*own, o.acked, o.unknown = s.ID(), 0, 0
		return true
	}
	n, err := session.Get[int](s, "n")
	if err != nil {
		o.failed++
		return false
	}
	switch {
	case n < o.acked:
		text, err := l.m.Client().Get(ctx, l.controlKey(id)).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return false // and look again
		}
		if control, _ := strconv.Atoi(text); control > n {
			o.byBerth += o.acked - n
		} else {
			o.byRedis += o.acked - n
		}
	case n > o.acked+o.unknown:
		o.twice += n - o.acked - o.unknown
	}
	o.acked, o.unknown = n, 0
	server, err := control.Run(ctx, l.m.Client(), []string{l.controlKey(id)}, "", "").Text()
	if err != nil {
		o.failed++
		return false
	}
	s.Set("n", n+1)
	if err := s.Commit(ctx); err != nil {
		o.failed++
		o.unknown++
		return false
	}
	o.acked = n + 1
	_ = control.Run(ctx, l.m.Client(), []string{l.controlKey(id)}, server, n+1).Err()
	return true
}

// A failover in the middle of a sign-in: secret, principal and values are kept or lost together,
// as they are in one hash, and written by one script.
func TestFailoverKeepsIdentityWhole(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	s, err := redistest.StartSentinel(t.Context(), redistest.SentinelOptions{FailAfter: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	l := newLoad(t, session.Config{URL: "redis+sentinel://" + strings.Join(s.SentinelAddrs(), ",") + "/" + s.MasterName()})
	type signIn struct{ before, after, user string }
	var mu sync.Mutex
	var tried []signIn
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	again := make(chan struct{}) // closed when there is a new master
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				ok := func() bool {
					anonymous, err := l.m.Begin(ctx, "", session.Exclusive)
					if err != nil {
						return false
					}
					anonymous.Set("cart", n)
					if anonymous.Commit(ctx) != nil {
						return false
					}
					s, err := l.m.Begin(ctx, anonymous.ID(), session.Exclusive)
					if err != nil || s.IsNew() {
						return false
					}
					defer s.Rollback(ctx)
					user := "user " + strconv.Itoa(worker) + " " + strconv.Itoa(n)
					s.Set("user", user)
					s.SetPrincipal(user)
					err = s.Commit(ctx)
					mu.Lock()
					tried = append(tried, signIn{anonymous.ID(), s.ID(), user})
					mu.Unlock()
					return err == nil
				}()
				select {
				case <-again:
					if ok {
						return
					}
				default:
				}
			}
		})
	}
	until(t, "users sign in", func() bool { mu.Lock(); defer mu.Unlock(); return len(tried) > 500 })
	master, err := s.Master(t.Context())
	if err == nil {
		err = errors.Join(master.Kill(), s.WaitReady(t.Context()))
	}
	if err != nil {
		t.Error(err)
	}
	close(again)
	all.Wait()

	kept, lost := 0, 0
	for _, try := range tried {
		err := l.m.DoHandle(ctx, handleOf(try.before), session.ReadOnly, func(s *session.Session) error {
			user, _ := session.Get[string](s, "user")
			signedIn := s.Principal() != ""
			if signedIn {
				kept++
			} else {
				lost++
			}
			opens := lives(t, l.m, try.after) && try.after != try.before
			if user != s.Principal() || signedIn && user != try.user || opens && !signedIn || lives(t, l.m, try.before) == signedIn {
				t.Errorf("the principal is %q, the value %q, the new ID opens it: %t", s.Principal(), user, opens)
			}
			return nil
		})
		if err != nil && !errors.Is(err, session.ErrUnknown) {
			t.Error(err)
		}
	}
	t.Logf("%d sign-ins of %d were kept, %d lost with all that belongs to them", kept, len(tried), lost)
	if kept == 0 {
		t.Error("nothing was kept")
	}
}
