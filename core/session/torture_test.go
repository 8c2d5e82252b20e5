package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"

	"github.com/redis/go-redis/v9"
)

// All of a session at once, by many goroutines, in two processes.
func TestTorture(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		ms := []*session.Manager{r.Manager(session.Options{LockTTL: 100 * time.Millisecond}), r.Manager(session.Options{LockTTL: 100 * time.Millisecond})}
		id := saved(t, ms[0], "m", map[string]int{})
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for range 30 {
					s, err := ms[g%2].Begin(ctx, id, session.Access(rand.N(4)))
					if err != nil {
						t.Error(err)
						return
					}
					var in sync.WaitGroup
					for i := range 6 {
						in.Go(func() {
							switch (i + rand.N(6)) % 9 {
							case 0:
								s.Set(fmt.Sprint("k", i), i)
							case 1:
								_ = s.Commit(ctx)
							case 2:
								s.Rollback(ctx)
							case 3:
								_ = s.Lost()
							case 4:
								s.Clear()
							case 5:
								_, _ = session.Get[map[string]int](s, "m")
							case 6:
								s.Keys()
								s.Len()
								_ = s.Err()
							case 7:
								_ = s.Finish(ctx)
							case 8:
								session.FromContext(session.NewContext(ctx, s)).Has("m")
							}
						})
					}
					in.Wait()
					s.Rollback(ctx)
				}
			})
		}
		wg.Wait()
	})
}

// Whatever identity changes and losses of replies run at once, in three processes: what lives and has a
// principal is in that one's index, there is no lease and no gate left, and a session's values are those
// of its principal.
func TestIdentityTorture(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	ctx := context.Background()
	clean := r.Manager(session.Options{})
	var ms []*session.Manager
	for range 3 {
		m, on := r.Matching(session.Options{MaxPerPrincipal: 3, RetryTimeout: 3 * time.Second, LockTTL: time.Second, LockWait: 2 * time.Second})
		on.Each("", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if rand.N(15) == 0 {
				return lose(ctx, cmd, next)
			}
			return next(ctx, cmd)
		})
		ms = append(ms, m)
	}
	names := []string{"ann", "bob", ""}
	var mu sync.Mutex
	ids := make([]string, 6)
	stop := time.Now().Add(time.Duration(rounds(300, 3000)) * time.Millisecond)
	var wg sync.WaitGroup
	for g := range 12 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				m, slot := ms[g%3], rand.N(len(ids))
				mu.Lock()
				id := ids[slot]
				mu.Unlock()
				access := []session.Access{session.Exclusive, session.Exclusive, session.Shared, session.ReadOnly}[rand.N(4)]
				s, err := m.Begin(ctx, id, access)
				if err != nil {
					continue
				}
				who := s.Principal()
				if owner, err := session.Get[string](s, "owner"); err == nil && owner != who && access != session.Shared {
					t.Errorf("a session of %q has values of %q", who, owner)
				}
				switch {
				case access == session.ReadOnly:
				case rand.N(12) == 0:
					s.Abandon()
				case access == session.Exclusive && rand.N(2) == 0:
					s.SetPrincipal(names[rand.N(3)])
					s.Set("owner", s.Principal())
				case access == session.Exclusive && rand.N(3) == 0:
					s.Rotate()
				case rand.N(10) == 0 && who != "":
					_, _ = m.EndAll(session.NewContext(ctx, s), who)
				default:
					s.Set("n", rand.N(100))
				}
				if s.Commit(ctx) == nil {
					if next := s.ID(); next != "" && next != id {
						mu.Lock()
						ids[slot] = next
						mu.Unlock()
					}
				}
				s.Rollback(ctx)
			}
		})
	}
	wg.Wait()
	// What a lost reply has left behind runs out, within LockTTL.
	until(t, "no session is held", func() bool {
		for info, err := range clean.Sessions(ctx) {
			if err != nil || info.HeldFor > 0 {
				return false
			}
		}
		return true
	})
	listed := map[string]bool{}
	for _, who := range names[:2] {
		for _, h := range handles(t, clean, who) {
			listed[h] = true
		}
	}
	for info, err := range clean.Sessions(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if info.Principal != "" && !listed[info.Handle] {
			t.Errorf("%v lives and is not in the index", info)
		}
		for _, m := range ms {
			if err := m.DoHandle(ctx, info.Handle, session.Exclusive, func(*session.Session) error { return nil }); err != nil {
				t.Errorf("%v: %v", info, err)
			}
		}
	}
}
