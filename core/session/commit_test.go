package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// A Shared commit that succeeded while an Exclusive request is about to rotate stays.
func TestRotateKeepsSharedCommits(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		login := begin(t, m, id, session.Exclusive)
		login.SetPrincipal("ann")
		shared := begin(t, m, id, session.Shared)
		shared.Set("cart", "full")
		commit(t, shared) // success
		commit(t, login)
		if v, err := session.Get[string](view(t, m, login.ID()), "cart"); v != "full" {
			t.Errorf("the committed cart is %q, %v", v, err)
		}
	})
}

// A time-out set under Shared is not undone by an Exclusive commit that began before.
func TestExclusiveCommitKeepsSharedTimeout(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 20 * time.Minute})
		id := saved(t, m, "n", 1)
		held := begin(t, m, id, session.Exclusive)
		shared := begin(t, m, id, session.Shared)
		shared.SetTimeout(24 * time.Hour)
		commit(t, shared)
		held.Set("n", 2)
		commit(t, held)
		commit(t, begin(t, m, id, session.Exclusive))
		if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl < 23*time.Hour {
			t.Errorf("the session lives for %v, not for the 24h of SetTimeout", ttl)
		}
	})
}

// A rotation whose reply is lost, with an outage longer than the minute for which the old
// ID is remembered.
func TestRotateThroughALongOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: 2 * time.Minute})
		warmUp(t, m)
		s := begin(t, m, saved(t, m, "n", 1), session.Exclusive)
		s.Rotate()
		f.Then(lose)
		for range 70 {
			f.Then(refuse)
		}
		commit(t, s)
		if n := get[int](t, view(t, m, s.ID()), "n"); n != 1 {
			t.Errorf("n is %d", n)
		}
	})
}

// Values stay bound to the handle, so that a rotation leaves them alone, also one that
// this process cannot decrypt (rolling deploy).
func TestRotateKeepsWhatOthersCanDecrypt(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		one, two := make([]byte, 32), append(make([]byte, 31), 1)
		both := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{one, two}})
		newer := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{two, one}})
		older := r.Manager(session.Options{EncryptionKeys: []session.EncryptionKey{one}})
		id := saved(t, both, "cart", "full")
		s := begin(t, newer, id, session.Exclusive)
		s.Set("by the newer", 1)
		commit(t, s)
		s = begin(t, older, id, session.Exclusive)
		s.SetPrincipal("ann")
		commit(t, s)
		s = view(t, newer, s.ID())
		if get[string](t, s, "cart") != "full" || get[int](t, s, "by the newer") != 1 {
			t.Error("lost a value")
		}
	})
}

// A principal counts in MaxBytes.
func TestPrincipalCountsInMaxBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{MaxBytes: 1000})
		s := begin(t, m, "", session.Exclusive)
		s.SetPrincipal(string(make([]byte, 100_000)))
		if err := s.Commit(context.Background()); err == nil {
			t.Error("MaxBytes 1000, a principal of 100 kB was saved")
		}
	})
}

// A commit that was executed, but whose reply was lost, and after which another
// request has committed: nothing tells any more whether it was, and the error says so.
func TestUnknownOutcomeIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{RetryTimeout: time.Second})
		other := r.Manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 2)
		f.Then(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			err := lose(ctx, cmd, next)
			increment(t, other, id)
			return err
		})
		err := s.Commit(context.Background())
		var failed *session.OpError
		if !errors.As(err, &failed) || errors.Is(err, session.ErrLockLost) || strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("the error is %v", err)
		}
		if n := get[int](t, view(t, m, id), "n"); n != 3 {
			t.Errorf("n is %d, want 3: the other's", n)
		}
	})
}

// A commit that failed is whole when it is tried again.
func TestFailedCommitKeepsItsChanges(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m, f := r.Faulty(session.Options{})
		id := saved(t, m, "a", 1, "b", 1, "c", []int{1})
		s := begin(t, m, id, session.Exclusive)
		s.Set("a", 2)
		s.Delete("b")
		get[[]int](t, s, "c")[0] = 2
		s.Set("bad", func() {})
		var value *session.ValueError
		if err := s.Commit(ctx); !errors.As(err, &value) || value.Key != "bad" || value.Type != "func()" {
			t.Fatalf("the commit of a func: %v", err)
		}
		s.Delete("bad")
		f.Then(refuse)
		var failed *session.OpError
		if err := s.Commit(ctx); !errors.As(err, &failed) || s.Err() == nil {
			t.Fatalf("the commit without Redis: %v", err)
		}
		commit(t, s)
		if s.Err() != nil {
			t.Errorf("after a commit that succeeded, Err is %v", s.Err())
		}
		s = view(t, m, id)
		if get[int](t, s, "a") != 2 || s.Has("b") || get[[]int](t, s, "c")[0] != 2 {
			t.Error("changes were lost on the way")
		}
	})
}
