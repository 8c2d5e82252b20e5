package principal_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func refusing(n int) session.Options {
	return session.Options{MaxPerPrincipal: n, RefuseOverLimit: true, TrackEnd: true}
}

// signsIn begins a new session of ann with a value, and does not commit it.
func signsIn(t *testing.T, m *session.Manager) *session.Session {
	t.Helper()
	s := rig.Begin(t, m, "", session.Exclusive)
	s.Set("n", 1)
	s.SetPrincipal("ann")
	return s
}

// At the limit a sign-in is refused, nothing is written, and the session can be committed once there is
// a place.
func TestRefuseOverLimit(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m := r.Manager(refusing(2))
		first := rig.SignIn(t, m, "ann")
		rig.SignIn(t, m, "ann")
		keys := len(r.Keys())
		s := signsIn(t, m)
		for range 2 {
			err := s.Commit(ctx)
			rig.WantErr(t, err, session.ErrTooManySessions)
			if status, after := session.HTTPStatus(err); status != http.StatusConflict || after != 0 {
				t.Errorf("it is answered with %d", status)
			}
		}
		if n := len(r.Keys()); n != keys {
			t.Errorf("%d keys, %d before", n, keys)
		}
		if err := m.End(ctx, first); err != nil {
			t.Fatal(err)
		}
		s.Set("n", 2)
		rig.Commit(t, s)
		if s := rig.View(t, m, s.ID()); rig.Get[int](t, s, "n") != 2 || s.Principal() != "ann" {
			t.Error("the second commit is not that of the session as it is now")
		}

		// An existing session stays as it was.
		visitor := rig.Saved(t, m, "cart", "apple")
		s = rig.Begin(t, m, visitor, session.Exclusive)
		s.Set("cart", "pear")
		s.SetPrincipal("ann")
		rig.WantErr(t, s.Commit(ctx), session.ErrTooManySessions)
		s.Rollback(ctx)
		if s := rig.View(t, m, visitor); rig.Get[string](t, s, "cart") != "apple" || s.Principal() != "" || s.Detached() {
			t.Error("the refused sign-in has changed the session")
		}
		if n := len(rig.HandlesOf(t, m, "ann")); n != 2 {
			t.Errorf("%d sessions", n)
		}

		// Whoever signs out has a place again at once, also right after the sign-in.
		s = rig.Begin(t, m, s.ID(), session.Exclusive)
		s.Rollback(ctx)
		for range 10 {
			handles := rig.HandlesOf(t, m, "ann")
			if err := m.EndHandle(ctx, handles[len(handles)-1]); err != nil {
				t.Fatal(err)
			}
			rig.Commit(t, signsIn(t, m))
		}
		if _, err := m.EndAll(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		rig.Commit(t, signsIn(t, m))
	})
}

// However many sign in at once, on however many processes, exactly as many as may do, and nobody else's
// session ends.
func TestParallelSignInsAreRefused(t *testing.T) {
	rig.Each(t, func(t *testing.T, r *rig.Rig) {
		managers := []*session.Manager{r.Manager(refusing(3)), r.Manager(refusing(3))}
		var all sync.WaitGroup
		var in atomic.Int64
		for i := range 50 {
			m := managers[i%2]
			id := ""
			if i%3 == 0 {
				id = rig.Saved(t, m)
			}
			all.Go(func() {
				s, err := m.Begin(context.Background(), id, session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Rollback(context.Background())
				s.SetPrincipal("ann")
				switch err := s.Commit(context.Background()); {
				case err == nil:
					in.Add(1)
				case !errors.Is(err, session.ErrTooManySessions):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(rig.HandlesOf(t, managers[0], "ann")); n != 3 || in.Load() != 3 {
			t.Errorf("%d are signed in, and %d were told so", n, in.Load())
		}
	})
}

// A place that is taken for a sign-in which then fails is free again: at once, or a minute after the
// process has died.
func TestPlaceOfAFailedSignIn(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		ctx := context.Background()
		m, on := r.Matching(refusing(1))
		visitor := rig.Saved(t, m)
		s := rig.Begin(t, m, visitor, session.Exclusive)
		s.SetPrincipal("ann")
		r.Mini.Del(r.Key(visitor, "Lock"))
		rig.WantErr(t, s.Commit(ctx), session.ErrLockLost)
		time.Sleep(time.Second)
		first := signsIn(t, m)
		rig.Commit(t, first)
		if err := m.End(ctx, first.ID()); err != nil {
			t.Fatal(err)
		}

		s = signsIn(t, m)
		on.Arm(r.Key(s.Handle()+".", "Data"), rig.Refuse)
		if s.Commit(ctx) == nil || !on.Done() {
			t.Fatal("the commit did not fail")
		}
		other := signsIn(t, m)
		rig.WantErr(t, other.Commit(ctx), session.ErrTooManySessions) // s may still be committed
		rig.Commit(t, s)
		if err := m.End(ctx, s.ID()); err != nil {
			t.Fatal(err)
		}

		s = signsIn(t, m)
		on.Arm(r.Key(s.Handle()+".", "Data"), rig.Refuse)
		_ = s.Commit(ctx)
		s.Rollback(ctx)
		time.Sleep(time.Second)
		rig.Commit(t, other)
		if err := m.End(ctx, other.ID()); err != nil {
			t.Fatal(err)
		}

		s = signsIn(t, m)
		on.Arm(r.Key(s.Handle()+".", "Data"), rig.Refuse)
		_ = s.Commit(ctx) // and the process dies
		time.Sleep(59 * time.Second)
		other = signsIn(t, m)
		rig.WantErr(t, other.Commit(ctx), session.ErrTooManySessions)
		time.Sleep(2 * time.Second)
		rig.Commit(t, other)
	})
}

// A lost reply, of the place or of the sign-in, refuses nobody and takes no second place.
func TestRefusalAndLostReplies(t *testing.T) {
	rig.InBubble(t, func(t *testing.T, r *rig.Rig) {
		for _, key := range []string{"_Principal_", "_Data", "_Ends_"} {
			o := refusing(1)
			o.RetryTimeout = time.Second
			m, on := r.Matching(o)
			s := signsIn(t, m) // loads the scripts
			rig.Commit(t, s)
			if err := m.End(context.Background(), s.ID()); err != nil {
				t.Fatal(err)
			}
			rig.HandlesOf(t, m, "ann") // cleans the index, beside
			time.Sleep(time.Second)
			s = signsIn(t, m)
			on.Arm(key, rig.Lose)
			rig.Commit(t, s)
			if !on.Done() {
				t.Fatal("no reply was lost")
			}
			rig.WantErr(t, signsIn(t, m).Commit(context.Background()), session.ErrTooManySessions)
			if err := m.End(context.Background(), s.ID()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
