package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

func increment(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	s, err := m.Begin(context.Background(), id, session.Exclusive)
	if err != nil {
		t.Error(err)
		return
	}
	n, err := session.Get[int](s, "n")
	if err != nil {
		t.Error(err)
	}
	s.Set("n", n+1)
	if err := s.Commit(context.Background()); err != nil {
		t.Error(err)
	}
}

// Requests of one session, in one process and in several, never overwrite each other.
func TestExclusiveLosesNoUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		const processes, clients, each = 3, 8, 10
		var managers []*session.Manager
		for range processes {
			managers = append(managers, r.manager(session.Options{}))
		}
		id := saved(t, managers[0], "n", 0)
		var wg sync.WaitGroup
		for _, m := range managers {
			for range clients {
				wg.Go(func() {
					for range each {
						increment(t, m, id)
					}
				})
			}
		}
		wg.Wait()
		if n := get[int](t, view(t, managers[0], id), "n"); n != processes*clients*each {
			t.Errorf("%d of %d updates are left", n, processes*clients*each)
		}
		if keys := r.keys(); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// In one process, waiters are served in the order they came, and only the first
// of them talks to Redis.
func TestFirstComeFirstServed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, count := r.newClient(), &trips{}
		m := r.managerOn(client, session.Options{})
		id := saved(t, m)
		commit(t, begin(t, m, id, session.Exclusive)) // loads the scripts
		holder := begin(t, m, id, session.Exclusive)
		var order []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := begin(t, m, id, session.Exclusive)
				order = append(order, i)
				commit(t, s)
			})
			synctest.Wait()
		}
		client.AddHook(count)
		time.Sleep(2 * time.Second)
		if n := count.n.Load(); n != 0 {
			t.Errorf("%d calls to Redis while this process holds the lease", n)
		}
		commit(t, holder)
		wg.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("served in the order %v", order)
			}
		}
		if n := count.n.Load(); n != 41 {
			t.Errorf("%d calls, want 2 a request", n)
		}
		if st := m.Stats(); st.LockWaits != 20 || st.LockWaitTime < 40*time.Second {
			t.Errorf("%d waits of %v together", st.LockWaits, st.LockWaitTime)
		}
	})
}

// Across processes a lease goes round: no process keeps it to itself.
func TestProcessesTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b, c := r.manager(session.Options{}), r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		var order []string
		var wg sync.WaitGroup
		queue := func(name string, m *session.Manager) {
			wg.Go(func() {
				s := begin(t, m, id, session.Exclusive)
				order = append(order, name)
				time.Sleep(10 * time.Millisecond)
				commit(t, s)
			})
			synctest.Wait()
		}
		for range 3 {
			queue("b", b)
			queue("c", c)
			queue("a", a)
		}
		time.Sleep(time.Second)
		commit(t, holder)
		wg.Wait()
		if got := strings.Join(order, ""); got != "bcabcabca" {
			t.Errorf("turns went %s", got)
		}
	})
}

// peers.md 19: a waiter in another process is woken by a message, not by its
// clock: here it would look at most four times a second.
func TestReleaseWakesAnotherProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		got := make(chan *session.Session)
		go func() { got <- begin(t, b, id, session.Exclusive) }()
		time.Sleep(3 * time.Second)
		start := time.Now()
		commit(t, holder)
		s := <-got
		if waited := time.Since(start); waited != 0 {
			t.Errorf("woken after %v", waited)
		}
		commit(t, s)
	})
}

// The same on a real server: ten hand-overs in less than the time of one look.
func TestReleaseWakesAnotherProcessOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	a, b := r.manager(session.Options{}), r.manager(session.Options{})
	id := saved(t, a)
	subscribed(t, r, a, b, id)
	var fastest time.Duration = time.Hour
	for range 10 {
		holder := begin(t, a, id, session.Exclusive)
		got := make(chan *session.Session)
		go func() { got <- begin(t, b, id, session.Exclusive) }()
		until(t, "the other process waits", func() bool { return r.exists(r.key(id, "Waiters")) })
		start := time.Now()
		commit(t, holder)
		commit(t, <-got)
		fastest = min(fastest, time.Since(start))
	}
	if fastest > 60*time.Millisecond {
		t.Errorf("the fastest of ten hand-overs took %v", fastest)
	}
}

// subscribed makes b wait once, and until its subscription stands.
func subscribed(t *testing.T, r *rig, a, b *session.Manager, id string) {
	t.Helper()
	holder := begin(t, a, id, session.Exclusive)
	got := make(chan *session.Session)
	go func() { got <- begin(t, b, id, session.Exclusive) }()
	until(t, "the subscription stands", func() bool {
		channels, err := r.client.PubSubChannels(context.Background(), r.app+"_Wake_*").Result()
		return err == nil && len(channels) == 1
	})
	commit(t, holder)
	commit(t, <-got)
}

// An uncontended release publishes nothing and a process that never waits does
// not subscribe; one that does has one subscription, whatever it waits for.
func TestOneSubscriptionAProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		channels := func() int {
			return len(r.client.PubSubChannels(context.Background(), "*").Val())
		}
		var wg sync.WaitGroup
		for range 5 {
			id := saved(t, a)
			if channels() > 1 {
				t.Errorf("%d subscriptions", channels())
			}
			s := begin(t, a, id, session.Exclusive)
			wg.Go(func() { commit(t, begin(t, b, id, session.Exclusive)) })
			time.Sleep(time.Second)
			commit(t, s)
			wg.Wait()
		}
		if channels() != 1 {
			t.Errorf("%d subscriptions", channels())
		}
	})
}

// A message that was lost, or is forbidden, costs a bounded delay.
func TestWithoutMessages(t *testing.T) {
	for name, breakIt := range map[string]func(c redis.UniversalClient, f *noMessages){
		"lost":                func(_ redis.UniversalClient, f *noMessages) { f.deaf = true },
		"subscribe forbidden": func(_ redis.UniversalClient, f *noMessages) { f.forbidden = true },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				a := r.manager(session.Options{})
				client := r.newClient()
				f := &noMessages{UniversalClient: client, other: r.newClient()}
				breakIt(client, f)
				b := r.managerOn(f, session.Options{})
				id := saved(t, a)
				for range 20 {
					holder := begin(t, a, id, session.Exclusive)
					got := make(chan *session.Session)
					go func() { got <- begin(t, b, id, session.Exclusive) }()
					time.Sleep(time.Second)
					start := time.Now()
					commit(t, holder)
					s := <-got
					if waited := time.Since(start); waited > 250*time.Millisecond {
						t.Errorf("free after %v", waited)
					}
					commit(t, s)
				}
			})
		})
	}
}

// noMessages is a client whose subscriptions hear nothing or are refused.
type noMessages struct {
	redis.UniversalClient
	other           redis.UniversalClient
	deaf, forbidden bool
}

func (n *noMessages) Subscribe(ctx context.Context, channels ...string) *redis.PubSub {
	if n.forbidden {
		n.other.AddHook(refuseHook{})
		_ = n.other.Close()
		return n.other.Subscribe(ctx, channels...)
	}
	return n.other.Subscribe(ctx, "elsewhere")
}

type refuseHook struct{}

func (refuseHook) DialHook(next redis.DialHook) redis.DialHook     { return next }
func (refuseHook) ProcessHook(redis.ProcessHook) redis.ProcessHook { return nil }
func (refuseHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// The same with a real user whom the server allows no channel at all, neither to
// publish nor to subscribe.
func TestPubSubForbiddenOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	user := r.app
	if err := r.client.Do(ctx, "ACL", "SETUSER", user, "on", ">pw-"+user, "~{"+r.app+"_*", "resetchannels", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.client.Do(ctx, "ACL", "DELUSER", user) })
	limited := func() *session.Manager {
		c := r.newClient(func(o *redis.UniversalOptions) { o.Username, o.Password = user, "pw-"+user })
		return r.managerOn(c, session.Options{})
	}
	a, b := limited(), limited()
	id := saved(t, a, "n", 0)
	var wg sync.WaitGroup
	for _, m := range []*session.Manager{a, b} {
		for range 4 {
			wg.Go(func() {
				for range 5 {
					increment(t, m, id)
				}
			})
		}
	}
	wg.Wait()
	if n := get[int](t, view(t, a, id), "n"); n != 40 {
		t.Errorf("n is %d, want 40", n)
	}
}

// peers.md 20: a process that died frees its sessions within LockTTL.
func TestLeaseOfADeadProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		dead, alive := r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, alive)
		begin(t, dead, id, session.Exclusive)
		time.Sleep(time.Second)
		_ = dead.Close() // renews no more
		start := time.Now()
		s := begin(t, alive, id, session.Exclusive)
		if took := time.Since(start); took > 10*time.Second+500*time.Millisecond || took < 5*time.Second {
			t.Errorf("free after %v", took)
		}
		commit(t, s)
	})
}

// A process that died while it was waiting, or was handed a lease, does not
// keep it from others for long.
func TestDeadWaiter(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		dead := strings.Repeat("d", 28)
		if err := r.client.Set(ctx, r.key(id, "Waiters"), dead, 2*time.Second).Err(); err != nil {
			t.Fatal(err)
		}
		got := make(chan *session.Session)
		go func() { got <- begin(t, b, id, session.Exclusive) }()
		time.Sleep(time.Second)
		start := time.Now()
		commit(t, holder)
		commit(t, <-got)
		if took := time.Since(start); took > 750*time.Millisecond {
			t.Errorf("free after %v", took)
		}
		if keys := r.keys(); len(keys) != 1 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

func TestLeaseIsRenewedUntilLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, other := r.manager(session.Options{}), r.manager(session.Options{LockWait: -1})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		start := time.Now()
		for time.Since(start) < 109*time.Second {
			time.Sleep(time.Second)
			if _, err := other.Begin(ctx, id, session.Exclusive); !errors.Is(err, session.ErrLockTimeout) {
				t.Fatalf("after %v another request got in: %v", time.Since(start), err)
			}
			select {
			case <-s.Lost():
				t.Fatalf("lost after %v", time.Since(start))
			default:
			}
		}
		select {
		case <-s.Lost():
		case <-time.After(time.Minute):
		}
		if held := time.Since(start); held < 110*time.Second || held > 120*time.Second {
			t.Fatalf("lost after %v, want 110 s and at most 10 s more", held)
		}
		commit(t, begin(t, other, id, session.Exclusive))
		wantErr(t, s.Commit(ctx), session.ErrLockLost)
		wantErr(t, s.Err(), session.ErrLockLost)
		s.Rollback(ctx)
		if get[int](t, view(t, m, id), "n") != 1 {
			t.Error("a lost lease wrote")
		}
		if st := m.Stats(); st.LeasesLost != 1 {
			t.Errorf("%d leases were lost", st.LeasesLost)
		}
	})
}

// A commit within LockTTL after LockHold still succeeds.
func TestCommitAfterLockHold(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{LockHold: time.Second})
		s := begin(t, m, saved(t, m), session.Exclusive)
		s.Set("n", 1)
		time.Sleep(9 * time.Second)
		commit(t, s)
	})
}

// peers.md 22, 25, 27: who lost the lease writes nothing, and is told; and does
// not take the lease from whoever has it now.
func TestStaleHolderWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{})
		for name, finish := range map[string]func(s *session.Session) error{
			"commit":           func(s *session.Session) error { s.Set("n", 2); return s.Commit(ctx) },
			"unchanged commit": func(s *session.Session) error { return s.Commit(ctx) },
			"rotate":           func(s *session.Session) error { s.Rotate(); return s.Commit(ctx) },
			"abandon":          func(s *session.Session) error { s.Abandon(); return s.Commit(ctx) },
			"rollback":         func(s *session.Session) error { s.Rollback(ctx); return session.ErrLockLost },
		} {
			id := saved(t, m, "n", 1)
			stale := begin(t, m, id, session.Exclusive)
			thief := strings.Repeat("t", 28)
			if err := r.client.Set(ctx, r.key(id, "Lock"), thief, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if err := finish(stale); !errors.Is(err, session.ErrLockLost) {
				t.Errorf("%s: %v", name, err)
			}
			if got := r.client.Get(ctx, r.key(id, "Lock")).Val(); got != thief {
				t.Errorf("%s: took the lease from its holder", name)
			}
			if s := view(t, m, id); s.IsNew() || get[int](t, s, "n") != 1 {
				t.Errorf("%s: wrote", name)
			}
			if keys := r.keys(); len(keys) > 3 { // those of the session, and at most what a rotation retired
				t.Errorf("%s: left %v", name, keys)
			}
			for _, key := range r.keys() {
				r.client.Del(ctx, key)
			}
		}
	})
}

func TestLostIsToldEarly(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		if err := m.End(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("told after %v", took)
		}
		<-s.Lost() // closed, not sent
		if begin(t, m, id, session.ReadOnly).Lost() != nil {
			t.Error("a session without a lease can lose one")
		}
	})
}

// Renewal outlasts a fault that is shorter than the lease, and the lease counts
// as lost at the time it may have ended in Redis, not later.
func TestRenewalDuringAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, f := r.newClient(), &faults{}
		client.AddHook(f)
		m := r.managerOn(client, session.Options{})
		s := begin(t, m, saved(t, m), session.Exclusive)
		time.Sleep(time.Second)
		f.then(refuse, refuse, refuse)
		time.Sleep(30 * time.Second)
		select {
		case <-s.Lost():
			t.Fatal("three failed renewals lost the lease")
		default:
		}
		for range 100 {
			f.then(refuse)
		}
		start := time.Now()
		<-s.Lost()
		if took := time.Since(start); took > 10*time.Second || took < 5*time.Second {
			t.Errorf("lost after %v without Redis", took)
		}
	})
}

func TestLockWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		var told error
		m := r.manager(session.Options{LockWait: 3 * time.Second, Hooks: session.Hooks{
			OnLockNotAcquired: func(_ context.Context, err error) { told = err },
		}})
		other := r.manager(session.Options{})
		id := saved(t, m)
		for name, holder := range map[string]*session.Manager{"this process": m, "another": other} {
			s := begin(t, holder, id, session.Exclusive)
			told = nil
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("%s: gave up after %v", name, took)
			}
			var timeout *session.LockTimeoutError
			if !errors.As(told, &timeout) || timeout.Waited != 3*time.Second {
				t.Errorf("%s: the hook was told %v", name, told)
			}
			for _, word := range []string{"LockWait 3s", "LockTTL 10s"} {
				if !strings.Contains(told.Error(), word) {
					t.Errorf("%s: the hook was told %v", name, told)
				}
			}
			commit(t, s)
			synctest.Wait()
			if keys := r.keys(); len(keys) != 1 {
				t.Errorf("%s: left behind: %v", name, keys)
			}
		}
		if st := m.Stats(); st.LockTimeouts != 2 || st.LockWaits != 2 || st.LockWaitTime != 6*time.Second {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestDoNotWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, other := r.manager(session.Options{LockWait: -1}), r.manager(session.Options{})
		id := saved(t, m)
		for _, holder := range []*session.Manager{m, other} {
			s := begin(t, holder, id, session.Exclusive)
			start := time.Now()
			_, err := m.Begin(context.Background(), id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
			if took := time.Since(start); took != 0 {
				t.Errorf("waited %v", took)
			}
			if r.exists(r.key(id, "Waiters")) {
				t.Error("stands in the queue")
			}
			commit(t, s)
		}
		commit(t, begin(t, m, id, session.Exclusive))
	})
}

func TestMaxWaiters(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.manager(session.Options{MaxWaiters: 3})
		id, free := saved(t, m), saved(t, m)
		holder := begin(t, m, id, session.Exclusive)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { commit(t, begin(t, m, id, session.Exclusive)) })
		}
		synctest.Wait()
		start := time.Now()
		_, err := m.Begin(context.Background(), id, session.Exclusive)
		var timeout *session.LockTimeoutError
		if !errors.As(err, &timeout) || !timeout.Full || time.Since(start) != 0 {
			t.Errorf("the fourth waiter: %v", err)
		}
		commit(t, begin(t, m, free, session.Exclusive))
		commit(t, holder)
		wg.Wait()
	})
}

// A request that goes away leaves the queue, and nothing behind.
func TestCancelledWait(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		id := saved(t, a)
		holder := begin(t, a, id, session.Exclusive)
		for _, m := range []*session.Manager{a, b} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			start := time.Now()
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, context.DeadlineExceeded)
			if took := time.Since(start); took != time.Second {
				t.Errorf("waited %v", took)
			}
			cancel()
		}
		synctest.Wait()
		if r.exists(r.key(id, "Waiters")) {
			t.Error("still in the queue")
		}
		commit(t, holder)
		if r.exists(r.key(id, "Lock")) {
			t.Error("the lease was handed to nobody")
		}
		commit(t, begin(t, b, id, session.Exclusive))
	})
}

// A begin whose reply is lost for good leaves no lease behind.
func TestFailedBeginLeavesNoLease(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		client, f := r.newClient(), &faults{}
		client.AddHook(f)
		m := r.managerOn(client, session.Options{})
		id := saved(t, m)
		f.then(lose)
		if _, err := m.Begin(context.Background(), id, session.Exclusive); err == nil {
			t.Fatal("the reply was not lost")
		}
		synctest.Wait()
		if r.exists(r.key(id, "Lock")) {
			t.Error("the lease was left behind")
		}
		commit(t, begin(t, m, id, session.Exclusive))
	})
}

// Those that wait for a session that is ended, or rotated, are told at once.
func TestWaitersOfAnEndedSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b := r.manager(session.Options{}), r.manager(session.Options{})
		for name, end := range map[string]func(s *session.Session){
			"abandoned": func(s *session.Session) { s.Abandon() },
			"rotated":   func(s *session.Session) { s.Rotate() },
		} {
			id := saved(t, a)
			holder := begin(t, a, id, session.Exclusive)
			var wg sync.WaitGroup
			for _, m := range []*session.Manager{a, a, b, b} {
				wg.Go(func() {
					s := begin(t, m, id, session.Exclusive)
					if !s.Detached() {
						t.Errorf("%s: not detached", name)
					}
					commit(t, s)
				})
			}
			time.Sleep(time.Second)
			end(holder)
			start := time.Now()
			commit(t, holder)
			wg.Wait()
			if took := time.Since(start); took > 250*time.Millisecond {
				t.Errorf("%s: told after %v", name, took)
			}
			for _, suffix := range []string{"Lock", "Waiters"} {
				if r.exists(r.key(id, suffix)) {
					t.Errorf("%s: %s was left behind", name, suffix)
				}
			}
		}
	})
}

// Short leases on a real server: renewed while held, free soon after a crash.
func TestLeaseTimesOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	o := session.Options{LockTTL: 300 * time.Millisecond}
	m, other := r.manager(o), r.manager(o)
	id := saved(t, m)
	s := begin(t, m, id, session.Exclusive)
	renewed := 0
	last := time.Duration(0)
	until(t, "the lease is renewed three times", func() bool {
		left := r.client.PTTL(context.Background(), r.key(id, "Lock")).Val()
		if left > last {
			renewed++
		}
		last = left
		return renewed > 3
	})
	_ = m.Close()
	start := time.Now()
	commit(t, begin(t, other, id, session.Exclusive))
	if took := time.Since(start); took > 800*time.Millisecond {
		t.Errorf("free after %v", took)
	}
	wantErr(t, s.Commit(context.Background()), session.ErrLockLost)
}

// Every lease is a token of its own.
func TestTokensDiffer(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		seen := map[string]bool{}
		for range 2 {
			m := r.manager(session.Options{})
			id := saved(t, m)
			for range 100 {
				s := begin(t, m, id, session.Exclusive)
				token := r.client.Get(context.Background(), r.key(id, "Lock")).Val()
				if len(token) != 28 || seen[token] {
					t.Fatalf("the token %q is there twice, or has no 28 characters", token)
				}
				seen[token] = true
				commit(t, s)
			}
		}
	})
}

// A release that nobody waits for publishes nothing.
func TestUncontendedReleaseIsSilent(t *testing.T) {
	t.Parallel()
	onReal(t)
	if _, ok := redistest.Find(); !ok {
		t.Skip("needs a redis-server of its own, and REDIS_URL is another's")
	}
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	r := newRig(t)
	r.at(server.URL())
	published := func() bool {
		stats, err := r.client.Info(context.Background(), "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(stats, "cmdstat_publish:")
	}
	a, b := r.manager(session.Options{}), r.manager(session.Options{})
	id := saved(t, a, "n", 0)
	for range 10 {
		increment(t, a, id)
		increment(t, b, id)
		begin(t, a, id, session.Exclusive).Rollback(context.Background())
	}
	if published() {
		t.Error("published to nobody")
	}
	subscribed(t, r, a, b, id)
	if !published() {
		t.Error("a waiter was not told")
	}
}

// A lease that others wait for is never free in between: it is handed to the first
// of them, so that nobody who comes later gets in before.
func TestReleaseHandsOver(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.manager(session.Options{LockWait: -1})
		first, second := strings.Repeat("d", 28), strings.Repeat("e", 28)
		for name, release := range map[string]func(s *session.Session){
			"commit":   func(s *session.Session) { s.Set("n", 1); commit(t, s) },
			"rollback": func(s *session.Session) { s.Rollback(ctx) },
		} {
			id := saved(t, m)
			holder := begin(t, m, id, session.Exclusive)
			if err := r.client.Set(ctx, r.key(id, "Waiters"), first+second, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			release(holder)
			if got := r.client.Get(ctx, r.key(id, "Lock")).Val(); got != first {
				t.Errorf("%s: the lease is %q's", name, got)
			}
			if got := r.client.Get(ctx, r.key(id, "Waiters")).Val(); got != second {
				t.Errorf("%s: in the queue is %q", name, got)
			}
			for _, suffix := range []string{"Lock", "Waiters"} {
				if ttl := r.client.PTTL(ctx, r.key(id, suffix)).Val(); ttl <= 0 || ttl > 2*time.Second {
					t.Errorf("%s: %s lives for %v", name, suffix, ttl)
				}
			}
			_, err := m.Begin(ctx, id, session.Exclusive)
			wantErr(t, err, session.ErrLockTimeout)
		}
	})
}
