package session_test

import (
	"context"
	"io"
	"testing"
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

// With FailSilently a sign-in whose reply was lost counts, and makes room.
func TestSilentSignInMakesRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := matching(r, session.Options{FailSilently: true, MaxPerPrincipal: 1})
		r.warmUpOnly(t, m)
		before := signIn(t, m, "ann")
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.SetPrincipal("ann")
		on.arm(r.key(id, "Ended"), lose)
		commit(t, s)
		time.Sleep(time.Second)
		if n := len(handles(t, m, "ann")); n != 1 || view(t, m, s.ID()).Principal() != "ann" || !view(t, m, before).Detached() {
			t.Errorf("ann has %d sessions", n)
		}
	})
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
