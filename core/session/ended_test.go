package session_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// Neither a commit nor a retry recreates a session that was ended.
func TestEndedSessionStaysEnded(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		for name, end := range map[string]func(id string){
			"ended": func(id string) { _ = m.End(ctx, id) },
			"expired": func(id string) {
				r.Client.Del(ctx, r.Key(id, "Data"), r.Key(id, "Lock"))
			},
			"expired, lease still there": func(id string) { r.Client.Del(ctx, r.Key(id, "Data")) },
		} {
			for _, access := range []session.Access{session.Exclusive, session.Shared} {
				for what, change := range map[string]func(s *session.Session){
					"a change":  func(s *session.Session) { s.Set("n", 2) },
					"a delete":  func(s *session.Session) { s.Delete("n") },
					"no change": func(*session.Session) {},
					"abandon":   func(s *session.Session) { s.Abandon() },
					"rotate": func(s *session.Session) {
						if access == session.Exclusive {
							s.Rotate()
						}
					},
				} {
					id := saved(t, m, "n", 1, "m", 1)
					s := begin(t, m, id, access)
					change(s)
					end(id)
					var want error
					if what == "a change" || what == "a delete" || what == "rotate" && access == session.Exclusive {
						want = session.ErrEnded
					}
					if err := s.Commit(ctx); want == nil && err != nil || want != nil && !strings.Contains(errText(err), want.Error()) {
						t.Errorf("%s, %v, %s: %v, want %v", name, access, what, err, want)
					}
					s.Rollback(ctx)
					s = begin(t, m, id, session.ReadOnly)
					if !s.IsNew() && !s.Detached() || r.HGet(id, "n") != "" {
						t.Errorf("%s, %v, %s: came back to life", name, access, what)
					}
					if r.Exists(r.Key(id, "Lock")) {
						t.Errorf("%s, %v, %s: a lock is left", name, access, what)
					}
				}
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for _, key := range r.Keys() {
			if n := r.Client.HLen(ctx, key).Val(); n > 2 { // what says that it is retired
				t.Errorf("a session of %d fields is left", n-2)
			}
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Logout wins over a slow request, whichever of the two is first in Redis.
func TestLogoutRacesSlowRequests(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		ctx := context.Background()
		m := r.Manager(session.Options{})
		for range 20 {
			id := saved(t, m, "n", 1)
			var wg sync.WaitGroup
			for _, access := range []session.Access{session.Exclusive, session.Shared, session.Exclusive, session.Shared} {
				wg.Go(func() {
					s, err := m.Begin(ctx, id, access)
					if err != nil {
						t.Error(err)
						return
					}
					s.Set("n", 2)
					_ = s.Commit(ctx) // ErrEnded, or before the logout
				})
			}
			wg.Go(func() {
				s, err := m.Begin(ctx, id, session.Exclusive)
				if err != nil {
					t.Error(err)
					return
				}
				s.Abandon()
				if err := s.Commit(ctx); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if r.HGet(id, "n") != "" || !begin(t, m, id, session.ReadOnly).Detached() {
				t.Fatal("the session outlived its logout")
			}
		}
	})
}

// DropEnd tells the truth also if its first try fails before it reaches Redis.
func TestDropEndOfWhatIsNotThere(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, faults := r.Faulty(session.Options{TrackEnd: true, RetryTimeout: time.Minute})
		faults.Then(refuse)
		err := m.DropEnd(t.Context(), session.Ended{Handle: handleOf(session.NewID())})
		wantErr(t, err, session.ErrUnknown)
	})
}
