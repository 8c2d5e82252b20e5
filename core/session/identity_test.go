package session_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// Whoever knows a handle and not the secret can neither read, lock, wait, prolong nor end.
func TestHandleAloneOpensNothing(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{LockWait: -1})
		id := saved(t, m, "n", 1)
		wrong := handleOf(id) + session.NewID()[26:]
		if err := r.Client.PExpire(ctx, r.Key(id, "Data"), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		guess := func(when string) {
			t.Helper()
			for _, guess := range []string{wrong, handleOf(id) + "." + handleOf(id)} {
				for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
					s := begin(t, m, guess, access)
					if !s.IsNew() || s.Len() != 0 || s.ID() != "" || s.PreviousEnd() != "" {
						t.Errorf("%s, %v: a wrong secret opens the session", when, access)
					}
					s.Rollback(ctx)
				}
				wantErr(t, m.End(ctx, guess), session.ErrUnknown)
				wantErr(t, m.Do(ctx, guess, session.Exclusive, func(*session.Session) error {
					t.Error("f was called")
					return nil
				}), session.ErrUnknown)
			}
			if ttl := r.Client.PTTL(ctx, r.Key(id, "Data")).Val(); ttl > time.Minute {
				t.Errorf("%s: a wrong secret prolonged the session to %v", when, ttl)
			}
		}
		guess("free")
		if r.Exists(r.Key(id, "Lock")) {
			t.Error("a wrong secret took the lease")
		}
		held := begin(t, m, id, session.Exclusive)
		lock := r.Client.Get(ctx, r.Key(id, "Lock")).Val()
		if err := r.Client.PExpire(ctx, r.Key(id, "Data"), time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		guess("held")
		if got := r.Client.Get(ctx, r.Key(id, "Lock")).Val(); got != lock || r.Exists(r.Key(id, "Waiters")) {
			t.Error("a wrong secret took the lease, or waits for it")
		}
		held.Set("n", 2)
		commit(t, held)
		if n := get[int](t, view(t, m, id), "n"); n != 2 {
			t.Errorf("n is %d", n)
		}
	})
}

// Nor can they fill the queue of a session, in Redis or in the process: 64 of them beside five
// honest requests where four may wait, and none of those is sent away, nor does one need more
// than one round trip more.
func TestWrongSecretsKeepNobodyWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		client := r.NewClient()
		client.AddHook(ownTrips{})
		// Calls of a client of another type share no round trips, which could not be told apart.
		m := r.ManagerOn(struct{ redis.UniversalClient }{client}, session.Options{MaxWaiters: 4, LockWait: time.Minute})
		warmUp(t, m)
		id := saved(t, m, "n", 0)
		warmUpAt(t, m, id)
		again := rounds(2, 10)
		for round := range again {
			stop := make(chan struct{})
			var wrong, honest sync.WaitGroup
			for range 64 {
				wrong.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						s, err := m.Begin(ctx, handleOf(id)+session.NewID()[26:], session.Exclusive)
						if err != nil {
							t.Error(err)
							return
						}
						if !s.IsNew() {
							t.Error("a wrong secret opens the session")
						}
						s.Rollback(ctx)
					}
				})
			}
			for range 5 {
				honest.Go(func() {
					var own atomic.Int64
					ctx := context.WithValue(ctx, ownTrips{}, &own)
					s, err := m.Begin(ctx, id, session.Exclusive)
					if err != nil {
						t.Errorf("round %d: %v", round, err)
						return
					}
					n, _ := session.Get[int](s, "n")
					s.Set("n", n+1)
					if err := s.Commit(ctx); err != nil {
						t.Error(err)
					}
					if n := own.Load(); n > 3 {
						t.Errorf("%d round trips, want 2 and at most one more", n)
					}
				})
			}
			honest.Wait()
			close(stop)
			wrong.Wait()
		}
		if n := get[int](t, view(t, m, id), "n"); n != 5*again {
			t.Errorf("n is %d, want %d", n, 5*again)
		}
	})
}

// Whoever has the handle alone must not make an honest request fail, LockWait negative
// included: it stands in the gate while its begin is on the way.
func TestWrongSecretDoesNotLockOut(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{LockWait: -1})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		wrong := handleOf(id) + session.NewID()[26:]
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			time.Sleep(time.Second) // in the bubble
			return next(ctx, cmd)
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			if s, err := m.Begin(ctx, wrong, session.Exclusive); err == nil {
				s.Rollback(ctx)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		s, err := m.Begin(ctx, id, session.Exclusive)
		if err != nil {
			t.Errorf("an honest request beside one with a wrong secret: %v", err)
		} else {
			s.Rollback(ctx)
		}
		<-done
	})
}

// An ID that was planted before a login is worth nothing after it, also to who began with it.
func TestPlantedID(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		planted := saved(t, m, "n", 1)
		shared, quitting, reading := begin(t, m, planted, session.Shared), begin(t, m, planted, session.Shared), begin(t, m, planted, session.ReadOnly)
		socket := make(chan error)
		entered, signedIn := make(chan struct{}), make(chan struct{})
		go func() {
			socket <- m.Do(ctx, planted, session.Shared, func(s *session.Session) error {
				close(entered)
				<-signedIn
				s.Set("n", "the socket's")
				return nil
			})
		}()
		<-entered

		s := begin(t, m, planted, session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		close(signedIn)

		wantErr(t, <-socket, session.ErrEnded)
		shared.Set("n", "the attacker's")
		wantErr(t, shared.Commit(ctx), session.ErrEnded)
		quitting.Abandon()
		wantErr(t, quitting.Commit(ctx), session.ErrEnded)
		reading.Rollback(ctx)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			if s := begin(t, m, planted, access); !s.Detached() || s.Len() != 0 || s.Principal() != "" {
				t.Errorf("%v: the planted ID opens the session", access)
			}
		}
		wantErr(t, m.End(ctx, planted), session.ErrUnknown)
		wantErr(t, m.Do(ctx, planted, session.Shared, nil), session.ErrEnded)
		late := begin(t, m, planted, session.Shared)
		late.Abandon()
		wantErr(t, late.Commit(ctx), session.ErrEnded)
		if v := view(t, m, s.ID()); v.Principal() != "ann" || get[int](t, v, "n") != 1 {
			t.Error("ann's session was harmed")
		}
	})
}

// Requests that wait while another rotates get a detached session: nobody is logged out, and
// nothing is overwritten.
func TestWaitersAcrossARotation(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, other := r.Manager(session.Options{}), r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		holder := begin(t, m, id, session.Exclusive)
		var waiting sync.WaitGroup
		for i := range 8 {
			waiting.Go(func() {
				s, err := []*session.Manager{m, other}[i%2].Begin(ctx, id, session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				if !s.Detached() || s.Len() != 0 {
					t.Error("a request that waited has the session")
				}
				s.Set("n", 99)
				if err := s.Finish(ctx); err != nil {
					t.Error(err)
				}
				headers := headersOf(s)
				if len(headers) != 0 {
					t.Errorf("it gets %v", headers)
				}
			})
		}
		until(t, "another process waits", func() bool { return r.Exists(r.Key(id, "Waiters")) })
		holder.Set("n", 2)
		holder.SetPrincipal("ann")
		commit(t, holder)
		waiting.Wait()
		if v := view(t, m, holder.ID()); get[int](t, v, "n") != 2 || v.Principal() != "ann" {
			t.Error("the session was harmed")
		}
		if r.Exists(r.Key(id, "Lock")) || r.Exists(r.Key(id, "Waiters")) {
			t.Error("a lease or a queue is left")
		}
	})
}

// ownTrips counts the calls of a request in what its context has, but for those that open a
// connection.
type ownTrips struct{}

func (c ownTrips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c ownTrips) count(ctx context.Context, cmd redis.Cmder) {
	if n, _ := ctx.Value(c).(*atomic.Int64); n != nil && strings.HasPrefix(cmd.Name(), "eval") {
		n.Add(1)
	}
}

func (c ownTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(ctx, cmd)
		return next(ctx, cmd)
	}
}

func (c ownTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(ctx, cmds[0])
		return next(ctx, cmds)
	}
}

// headersOf is what a response gets of a session, but for Vary.
func headersOf(s *session.Session) http.Header {
	response := http.Header{}
	s.SetHeaders(http.Header{}, response, false)
	response.Del("Vary")
	return response
}
