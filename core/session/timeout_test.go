package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

func TestIdleTimeoutSlides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute})
		id := saved(t, m)
		for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
			time.Sleep(9 * time.Minute)
			s := begin(t, m, id, access)
			if s.IsNew() {
				t.Fatalf("%v: expired in spite of requests", access)
			}
			commit(t, s)
		}
		time.Sleep(10*time.Minute + time.Millisecond)
		if !begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("did not expire")
		}
	})
}

// A commit moves the idle time too, not only a begin.
func TestCommitStartsIdleTimeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Minute})
		id := saved(t, m)
		for _, write := range []bool{false, true} {
			s := begin(t, m, id, session.Exclusive)
			time.Sleep(50 * time.Second)
			if write {
				s.Set("n", 1)
			}
			commit(t, s)
			time.Sleep(50 * time.Second)
			if begin(t, m, id, session.ReadOnly).IsNew() {
				t.Fatalf("expired 50 s after a commit (wrote: %v)", write)
			}
		}
	})
}

// So it does where the lease was never renewed, which starts the idle time anew as well.
func TestShortRequestStartsIdleTimeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Minute, LockTTL: 10 * time.Second})
		id := saved(t, m)
		for _, write := range []bool{false, true} {
			s := begin(t, m, id, session.Exclusive)
			time.Sleep(3 * time.Second) // the first renewal is after a third of LockTTL
			if write {
				s.Set("n", 1)
			}
			commit(t, s)
			if left := r.Client.PTTL(t.Context(), r.Key(id, "Data")).Val(); left != time.Minute {
				t.Errorf("expires %v after a commit (wrote: %v), want a minute", left, write)
			}
			time.Sleep(time.Minute - time.Millisecond)
			if s := begin(t, m, id, session.ReadOnly); s.IsNew() {
				t.Fatalf("expired within a minute after a commit (wrote: %v)", write)
			}
		}
	})
}

// A session's own time-out outlives requests that know nothing of it.
func TestSetTimeoutSurvivesLaterRequests(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.SetTimeout(time.Hour)
		commit(t, s)
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive, session.Shared} {
			time.Sleep(59 * time.Minute)
			s := begin(t, m, id, access)
			if s.IsNew() {
				t.Fatalf("%v: the session's own time-out was lost", access)
			}
			if access != session.ReadOnly {
				s.Set("by", access.String())
			}
			commit(t, s)
		}
		s = begin(t, m, id, session.Shared)
		s.SetTimeout(time.Minute)
		commit(t, s)
		time.Sleep(time.Minute + time.Millisecond)
		if !begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("a shorter time-out did not take effect")
		}
	})
}

func TestSetTimeoutOnNewSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, "", session.Exclusive)
		s.SetTimeout(time.Minute)
		s.Set("a", 1)
		commit(t, s)
		time.Sleep(time.Minute + time.Millisecond)
		if !begin(t, m, s.ID(), session.ReadOnly).IsNew() {
			t.Error("did not expire after its own time-out")
		}
	})
}

func TestSetTimeoutRefusesNonsense(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		for _, d := range []time.Duration{-time.Second, time.Microsecond} {
			s := begin(t, m, "", session.Exclusive)
			s.Set("a", 1)
			s.SetTimeout(d)
			if err := s.Commit(context.Background()); err == nil || s.ID() != "" {
				t.Errorf("a time-out of %v was taken", d)
			}
		}
	})
}

func TestMaxLifetime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 10 * time.Minute, MaxLifetime: time.Hour})
		for _, access := range []session.Access{session.ReadOnly, session.Shared, session.Exclusive} {
			id := saved(t, m)
			for i := range 11 {
				time.Sleep(5 * time.Minute)
				s := begin(t, m, id, access)
				if s.IsNew() {
					t.Fatalf("%v: ended after %d minutes", access, 5*(i+1))
				}
				if access != session.ReadOnly {
					s.Set("i", i)
				}
				commit(t, s)
			}
			if ttl := r.Client.PTTL(context.Background(), r.Key(id, "Data")).Val(); ttl > 5*time.Minute {
				t.Errorf("%v: five minutes before its end it lives for %v", access, ttl)
			}
			time.Sleep(5*time.Minute + time.Millisecond)
			if !begin(t, m, id, access).IsNew() {
				t.Errorf("%v: outlived MaxLifetime", access)
			}
			if keys := r.Keys(); len(keys) != 0 {
				t.Errorf("%v: left %v", access, keys)
			}
		}
	})
}

// A session that ends by MaxLifetime while a request holds it is not written
// back, not even in part.
func TestMaxLifetimeDuringARequest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: time.Minute, MaxLifetime: time.Minute})
		for _, access := range []session.Access{session.Exclusive, session.Shared} {
			id := saved(t, m, "a", 1, "b", 2)
			s := begin(t, m, id, access)
			s.Set("a", 2)
			time.Sleep(time.Minute)
			if r.Exists(r.Key(id, "Data")) {
				t.Errorf("%v: a request keeps it alive", access)
			}
			wantErr(t, s.Commit(context.Background()), session.ErrEnded)
			if keys := r.Keys(); len(keys) != 0 {
				t.Errorf("%v: left %v", access, keys)
			}
		}
	})
}

func TestMaxLifetimeOnRedis(t *testing.T) {
	t.Parallel()
	r := onReal(t)
	m := r.Manager(session.Options{Timeout: 300 * time.Millisecond, MaxLifetime: 300 * time.Millisecond})
	start := time.Now()
	id := saved(t, m)
	until(t, "the session ends, however busy", func() bool {
		s := begin(t, m, id, session.Exclusive)
		defer commit(t, s)
		return s.IsNew()
	})
	if age := time.Since(start); age < 299*time.Millisecond {
		t.Errorf("ended after %v already", age)
	}
}

// A session is not idle while a request holds it.
func TestHeldSessionDoesNotExpire(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 5 * time.Second})
		id := saved(t, m)
		s := begin(t, m, id, session.Exclusive)
		s.Set("n", 1)
		time.Sleep(time.Minute)
		commit(t, s)
		if begin(t, m, id, session.ReadOnly).IsNew() {
			t.Error("expired while it was held")
		}
	})
}

// A session with a timeout below LockTTL does not expire while it is held, if another request reads
// or shares it.
func TestNothingExpiresWhileHeld(t *testing.T) {
	for _, access := range []session.Access{session.ReadOnly, session.Shared} {
		for _, track := range []bool{false, true} {
			t.Run(fmt.Sprint(access, track), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					var h endings
					m := r.Manager(session.Options{Timeout: 2 * time.Second, TrackEnd: track})
					if track {
						handleEnds(t, m, h.Handle)
					}
					id := saved(t, m)
					s := begin(t, m, id, session.Exclusive)
					o := begin(t, m, id, access)
					if access == session.Shared {
						o.Set("o", 1)
					}
					commit(t, o)
					time.Sleep(3 * time.Second)
					s.Set("n", 1)
					if err := s.Commit(context.Background()); err != nil {
						t.Errorf("held, within its lease: %v", err)
					}
					if len(h.List()) > 0 {
						t.Errorf("held, and its end was handled: %v", h.List())
					}
				})
			})
		}
	}
}
