package session_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// moveInDoubt begins a session and has a commit of a change fail that moves it, at the retirement of
// the old ID.
func moveInDoubt(t *testing.T, r *rig, m *session.Manager, on *onCmd, id string, change func(*session.Session), how step) *session.Session {
	t.Helper()
	s := begin(t, m, id, session.Exclusive)
	change(s)
	on.arm(r.key(id, "Ended"), how)
	if s.Commit(context.Background()) == nil || !on.done() {
		t.Fatal("nothing has failed")
	}
	return s
}

// nexts are what a request may do after a commit that failed.
var nexts = map[string]func(s *session.Session) error{
	"the same": func(s *session.Session) error { return s.Commit(context.Background()) },
	"a change": func(s *session.Session) error { s.Set("m", 1); return s.Commit(context.Background()) },
	"abandon":  func(s *session.Session) error { s.Abandon(); return s.Commit(context.Background()) },
	"roll back": func(s *session.Session) error {
		s.Rollback(context.Background())
		return nil
	},
}

// Once "log me out everywhere", an operator or MaxPerPrincipal has ended a session whose move is in
// doubt, no commit revives it, and its end is handed out once.
func TestMoveInDoubtDoesNotReviveWhatHasEnded(t *testing.T) {
	for name, next := range nexts {
		for by, end := range map[string]func(t *testing.T, m *session.Manager){
			"EndAll": func(t *testing.T, m *session.Manager) {
				if _, err := m.EndAll(context.Background(), "ann"); err != nil {
					t.Error(err)
				}
			},
			"Info.End": func(t *testing.T, m *session.Manager) {
				for info, err := range m.Sessions(context.Background()) {
					if err != nil || info.End(context.Background()) != nil {
						t.Error("not ended")
					}
				}
			},
			"MaxPerPrincipal": func(t *testing.T, m *session.Manager) { signIn(t, m, "ann") },
		} {
			t.Run(name+" after "+by, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					o := tracked(func(o *session.Options) { o.MaxPerPrincipal = 1; o.Timeout = time.Hour })
					m, on := matching(r, o)
					other := r.manager(o)
					r.warmUpOnly(t, m)
					var h endings
					handleEnds(t, other, h.handle)
					s := moveInDoubt(t, r, m, on, signIn(t, m, "ann"), (*session.Session).Rotate, lose)
					end(t, other)
					if err := next(s); name == "a change" || name == "the same" {
						wantErr(t, err, session.ErrEnded)
					}
					s.Rollback(context.Background())
					time.Sleep(5 * time.Minute)
					want := map[bool]int{true: 1}[by == "MaxPerPrincipal"] // the one that came after it
					if n := len(handles(t, other, "ann")); n != want {
						t.Errorf("ann has %d sessions, not %d", n, want)
					}
					if ends := h.list(); len(ends) != 1 || ends[0].Principal != "ann" {
						t.Errorf("the ends are %v", ends)
					}
				})
			})
		}
	}
}

// A session that reaches MaxLifetime while its move is in doubt has one end, with what was
// committed.
func TestMoveInDoubtAtMaxLifetime(t *testing.T) {
	for fault, how := range map[string]step{"lost": lose, "refused": refuse} {
		for name, next := range nexts {
			t.Run(fault+"/"+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					o := tracked(func(o *session.Options) { o.Timeout, o.MaxLifetime = 2*time.Hour, time.Hour })
					m, on := matching(r, o)
					r.warmUpOnly(t, m)
					id := saved(t, m, "n", 1)
					time.Sleep(time.Hour - time.Second)
					s := moveInDoubt(t, r, m, on, id, func(s *session.Session) { s.Set("n", 2); s.Rotate() }, how)
					time.Sleep(2 * time.Second)
					_ = next(s)
					s.Rollback(context.Background())
					time.Sleep(time.Second) // until copies are discarded
					var h endings
					handleEnds(t, r.manager(o), h.handle)
					time.Sleep(10 * time.Minute)
					want := map[string]int{"lost": 2, "refused": 1}[fault]
					if ends := h.list(); len(ends) != 1 || get[int](t, ends[0].Session, "n") != want {
						t.Errorf("the ends are %v", ends)
					}
				})
			})
		}
	}
}

// A tracked session whose move was executed is known to have moved for as long as it lives, also
// when its old ID is not retired any more.
func TestMoveAgainLongAfter(t *testing.T) {
	for name, next := range nexts {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, tracked(func(o *session.Options) { o.Timeout = time.Hour }))
				r.warmUpOnly(t, m)
				s := moveInDoubt(t, r, m, on, saved(t, m, "n", 1), (*session.Session).Rotate, lose)
				time.Sleep(5 * time.Minute)
				if err := next(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				n := 0
				for info, err := range m.Sessions(context.Background()) {
					if n++; err != nil {
						t.Error(info, err)
					}
				}
				if want := map[string]int{"the same": 1, "a change": 1, "roll back": 1}[name]; n != want {
					t.Errorf("there are %d sessions, not %d", n, want)
				}
			})
		})
	}
}

// With FailSilently the client gets the new ID of a move in doubt. What others do with the old one
// in the meantime counts.
func TestSilentMoveInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, m *session.Manager, id string)
		old       string // n under the old ID
		alive     bool   // the new one
	}{
		"nothing": {func(*testing.T, *session.Manager, string) {}, "", true},
		"changed": {func(t *testing.T, m *session.Manager, id string) {
			s := begin(t, m, id, session.Shared)
			s.Set("n", 7)
			commit(t, s)
		}, "7", true},
		"ended": {func(t *testing.T, m *session.Manager, id string) {
			if err := m.End(context.Background(), id); err != nil {
				t.Error(err)
			}
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, session.Options{FailSilently: true})
				other := r.manager(session.Options{})
				r.warmUpOnly(t, m)
				s := begin(t, m, "", session.Exclusive)
				s.Set("n", 1)
				s.SetCompanion("c")
				commit(t, s)
				id := s.ID()
				s = begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.each(r.key(id, "Ended"), refuse)
				commit(t, s)
				c.meanwhile(t, other, id)
				on.each("", nil)
				time.Sleep(5 * time.Second)
				if n := r.hget(id, "n"); n != c.old {
					t.Errorf("under the old ID n is %q, want %q", n, c.old)
				}
				if alive := r.hget(s.ID(), "n") == "1"; alive != c.alive {
					t.Errorf("the client has a session: %t", alive)
				}
				if old := r.exists(id); old != (c.old != "") || r.exists(s.ID()) != c.alive {
					t.Errorf("companions: of the old one %t, of the new one %t", old, r.exists(s.ID()))
				}
				if r.exists(r.key(id, "Lock")) {
					t.Error("a lock is left")
				}
			})
		})
	}
}

// Nor is the old ID taken from somebody who holds it by then.
func TestSilentMoveSparesTheNextHolder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, session.Options{FailSilently: true})
		other := r.manager(session.Options{})
		r.warmUpOnly(t, m)
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.Rotate()
		on.each(r.key(id, "Ended"), refuse)
		commit(t, s)
		r.client.Del(context.Background(), r.key(id, "Lock")) // it has run out
		o := begin(t, other, id, session.Exclusive)
		on.each("", nil)
		time.Sleep(5 * time.Second)
		o.Set("n", 7)
		commit(t, o)
		if r.hget(id, "n") != "7" || r.hget(s.ID(), "n") != "1" {
			t.Errorf("n is %s, and %s in the copy", r.hget(id, "n"), r.hget(s.ID(), "n"))
		}
	})
}

// With FailSilently nobody is logged in, or out, by a commit that failed.
func TestSilentSignInInDoubt(t *testing.T) {
	for _, before := range []string{"", "ann"} {
		for name, how := range map[string]step{"refused": refuse, "lost": lose} {
			t.Run(fmt.Sprintf("%s, signed in before: %t", name, before != ""), func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					m, on := matching(r, session.Options{FailSilently: true})
					r.warmUpOnly(t, m)
					s := begin(t, m, "", session.Exclusive)
					s.Set("n", 1)
					s.SetPrincipal(before)
					commit(t, s)
					id := s.ID()
					s = begin(t, m, id, session.Exclusive)
					s.SetPrincipal(map[string]string{"": "ann", "ann": ""}[before])
					on.arm(r.key(id, "Ended"), how)
					commit(t, s)
					if !s.Detached() || s.Err() == nil || s.ID() != id {
						t.Error("it is not detached")
					}
					time.Sleep(5 * time.Second)
					if v := view(t, m, id); name == "refused" && v.Principal() != before || name == "lost" && !v.Detached() {
						t.Errorf("under the old ID the principal is %q, detached: %t", v.Principal(), v.Detached())
					}
				})
			})
		}
	}
}

// A copy that arrives after it was discarded does not stay.
func TestLateCopy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, session.Options{})
		r.warmUpOnly(t, m)
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		on.arm("}_Data", func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
			late := redis.NewCmd(context.Background(), cmd.Args()...)
			time.AfterFunc(time.Second, func() { _ = r.client.Process(context.Background(), late) })
			cmd.SetErr(io.EOF)
			return io.EOF
		})
		if s.Commit(context.Background()) == nil || !on.done() {
			t.Fatal("nothing has failed")
		}
		s.Rollback(context.Background())
		time.Sleep(2 * time.Minute)
		if n := len(r.keys()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// Close does not wait until what goes on beside requests has succeeded.
func TestCloseWhileAMoveIsInDoubt(t *testing.T) {
	for name, silently := range map[string]bool{"rolled back": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m, on := matching(r, session.Options{LockTTL: time.Minute, FailSilently: silently})
				r.warmUpOnly(t, m)
				id := signIn(t, m, "ann")
				s := begin(t, m, id, session.Exclusive)
				s.Rotate()
				on.each(r.key(id, "Ended"), refuse)
				_ = s.Commit(context.Background())
				s.Rollback(context.Background())
				time.Sleep(100 * time.Millisecond)
				start := time.Now()
				if err := m.Close(); err != nil || time.Since(start) > time.Second {
					t.Errorf("Close took %v: %v", time.Since(start), err)
				}
			})
		})
	}
}

// The sweep of ended sessions that comes upon the old ID of a move leaves what says that it moved.
func TestSweepDuringAMoveInDoubt(t *testing.T) {
	for name, next := range nexts {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				o := tracked(func(o *session.Options) { o.Timeout = 10 * time.Minute })
				m, on := matching(r, o)
				r.warmUpOnly(t, m)
				var h endings
				handleEnds(t, r.manager(o), h.handle)
				id := saved(t, m, "n", 1)
				time.Sleep(9 * time.Minute)
				s := moveInDoubt(t, r, m, on, id, (*session.Session).Rotate, lose)
				time.Sleep(3 * time.Minute) // its first deadline has come, and it is retired no more
				if err := next(s); err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Second)
				n := 0
				for info, err := range m.Sessions(context.Background()) {
					if n++; err != nil {
						t.Error(info, err)
					}
				}
				if ends := len(h.list()); n+ends != 1 || (ends == 1) != (name == "abandon") {
					t.Errorf("there are %d sessions and %d ends", n, ends)
				}
			})
		})
	}
}

// While it is held a session outlives its timeout, and so does a copy of it.
func TestShortTimeoutDuringAMove(t *testing.T) {
	t.Run("in one commit", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			m, on := matching(r, session.Options{Timeout: 3 * time.Second, RetryTimeout: 20 * time.Second})
			r.warmUpOnly(t, m)
			id := saved(t, m, "n", 1)
			s := begin(t, m, id, session.Exclusive)
			s.Rotate()
			heals := time.Now().Add(5 * time.Second)
			on.each(r.key(id, "Ended"), func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				if time.Now().Before(heals) {
					return refuse(ctx, cmd, next)
				}
				return next(ctx, cmd)
			})
			commit(t, s)
			synctest.Wait()
			if left := r.client.PTTL(context.Background(), r.key(s.ID(), "Data")).Val(); left != 3*time.Second {
				t.Errorf("the session lives for %v", left)
			}
		})
	})
	t.Run("in two", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			m, on := matching(r, session.Options{Timeout: 20 * time.Second})
			r.warmUpOnly(t, m)
			s := moveInDoubt(t, r, m, on, saved(t, m, "n", 1), (*session.Session).Rotate, refuse)
			time.Sleep(25 * time.Second)
			s.Set("n", 2)
			commit(t, s)
			if r.hget(s.ID(), "n") != "2" {
				t.Error("the session is gone")
			}
		})
	})
}

// A new session that was saved, though the reply was lost, and has expired since, is not revived
// by the same commit again: it is another one.
func TestCommitAgainAfterTheTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, tracked())
		r.warmUpOnly(t, m)
		var h endings
		handleEnds(t, r.manager(tracked()), h.handle)
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		on.arm("}_Timeout", lose)
		if s.Commit(context.Background()) == nil || !on.done() {
			t.Fatal("nothing has failed")
		}
		time.Sleep(2 * time.Minute)
		commit(t, s)
		if ends := h.list(); len(ends) != 1 || ends[0].ID == s.ID() || r.hget(s.ID(), "n") != "1" {
			t.Errorf("the ends are %v, the session is there: %t", ends, r.hget(s.ID(), "n") == "1")
		}
	})
}

// With FailSilently the first commit that fails is the last, also if another goroutine commits
// while hooks are told.
func TestSilentCommitIsTheLast(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var s *session.Session
		told := 0
		m, f := faulty(r, session.Options{FailSilently: true, Hooks: session.Hooks{OnError: func(ctx context.Context, _ error) {
			if told++; told == 1 {
				commit(t, s)
			}
		}}})
		r.warmUpOnly(t, m)
		before := m.Stats().RolledBack
		s = begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		f.then(refuse)
		commit(t, s)
		time.Sleep(time.Second)
		if n := len(r.keys()); !s.Detached() || s.Err() == nil || s.ID() != "" || n != 1 {
			t.Errorf("detached: %t, %v; %d keys", s.Detached(), s.Err(), n) // of the ID that is retired
		}
		if n := m.Stats().RolledBack - before; n != 1 {
			t.Errorf("rolled back %d times", n)
		}
	})
}

// A copy is discarded also by a request that ends after Close.
func TestCopyAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, session.Options{})
		r.warmUpOnly(t, m)
		id := signIn(t, m, "ann")
		s := moveInDoubt(t, r, m, on, id, (*session.Session).Rotate, refuse)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		s.Rollback(context.Background())
		if n := len(handles(t, r.manager(session.Options{}), "ann")); n != 1 || r.exists(r.key(id, "Lock")) {
			t.Errorf("ann has %d sessions, locked: %t", n, r.exists(r.key(id, "Lock")))
		}
	})
}
