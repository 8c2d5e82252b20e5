package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A request that began before the logout does not bring the companion back.
func TestCompanionIsNotRevivedAfterLogout(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		id := saved(t, m, "n", 1)
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("first")
		commit(t, s)
		late := begin(t, m, id, session.Shared)
		late.SetCompanion("second")
		logout := begin(t, m, id, session.Exclusive)
		logout.Abandon()
		commit(t, logout)
		wantErr(t, late.Commit(context.Background()), session.ErrEnded)
		if value, ttl := r.Companion(id); value != "" {
			t.Errorf("the session has ended, and its companion is %q for %v", value, ttl)
		}
	})
}

// A commit that comes too late does not take the companion that the next holder made.
func TestLateCommitLeavesTheCompanion(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{LockHold: time.Second, LockTTL: time.Second})
		id := saved(t, m, "n", 1)
		late := begin(t, m, id, session.Exclusive)
		time.Sleep(5 * time.Second) // longer than LockHold: the lease is gone
		s := begin(t, m, id, session.Exclusive)
		s.SetCompanion("mine")
		commit(t, s)
		late.SetCompanion("late")
		wantErr(t, late.Commit(context.Background()), session.ErrLockLost)
		if value, _ := r.Companion(id); value != "mine" {
			t.Errorf("the session lives, and its companion is %q", value)
		}
	})
}

// A companion that a Shared request made meanwhile goes with the session, and its proof
// changes with the ID.
func TestCompanionOfASharedRequest(t *testing.T) {
	for name, change := range map[string]func(*session.Session){
		"Abandon": (*session.Session).Abandon,
		"Rotate":  (*session.Session).Rotate,
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, r *rig) {
				m := r.Manager(session.Options{})
				id := saved(t, m, "n", 1)
				s := begin(t, m, id, session.Exclusive)
				shared := begin(t, m, id, session.Shared)
				shared.SetCompanion("value")
				commit(t, shared)
				change(s)
				commit(t, s)
				if name == "Abandon" {
					if !r.NoCompanion(id) {
						t.Error("outlived its session")
					}
					return
				}
				value, _ := r.Companion(id)
				if proof, _ := r.CompanionProof(id); value != "value" || proof != session.Proof(s.ID()) {
					t.Errorf("the companion is %q, and the new ID opens it: %t", value, proof == session.Proof(s.ID()))
				}
			})
		})
	}
}

// Nor does a Shared request that writes its companion late bring the old proof back.
func TestLateCompanionHasTheNewProof(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, on := r.Matching(session.Options{})
		other := r.Manager(session.Options{})
		warmUp(t, m)
		id := saved(t, m, "n", 1)
		var next string
		s := begin(t, m, id, session.Shared)
		s.SetCompanion("the companion")
		on.Arm("the companion", before(func() { next = rotate(t, other, id) }))
		commit(t, s)
		value, _ := r.Companion(id)
		if proof, _ := r.CompanionProof(id); value != "the companion" || proof != session.Proof(next) || !on.Done() {
			t.Errorf("the companion is %q, and the new ID opens it: %t", value, proof == session.Proof(next))
		}
	})
}

// Held for longer than its timeout, a session keeps its companion.
func TestCompanionLivesWhileHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{Timeout: 2 * time.Second})
		s := begin(t, m, "", session.Exclusive)
		s.Set("n", 1)
		s.SetCompanion("x")
		commit(t, s)
		s = begin(t, m, s.ID(), session.Exclusive)
		time.Sleep(8 * time.Second)
		s.Set("n", 2)
		commit(t, s)
		if value, _ := r.Companion(s.ID()); value != "x" || get[int](t, view(t, m, s.ID()), "n") != 2 {
			t.Errorf("the companion is %q", value)
		}
	})
}

// identityChanges are commits after which ann has listed sessions, if she had two before
// and may have two.
var identityChanges = []struct {
	name   string
	start  func(t *testing.T, m *session.Manager) (id string)
	change func(s *session.Session)
	listed int

	companion string // after it
	calls     int    // at least, of the commit
}{
	{
		"sign-in of a new session",
		func(*testing.T, *session.Manager) string { return "" },
		func(s *session.Session) { s.SetPrincipal("ann"); s.SetCompanion("c") },
		2, "c", 5,
	},
	{
		"sign-in",
		func(t *testing.T, m *session.Manager) string { return saved(t, m) },
		func(s *session.Session) { s.SetPrincipal("ann") },
		2, "c", 5,
	},
	{
		"rotation",
		func(t *testing.T, m *session.Manager) string { return signIn(t, m, "ann") },
		(*session.Session).Rotate,
		2, "c", 2,
	},
	{
		"logout",
		func(t *testing.T, m *session.Manager) string { return signIn(t, m, "ann") },
		func(s *session.Session) { s.SetPrincipal("") },
		1, "", 3,
	},
	{
		"switch",
		func(t *testing.T, m *session.Manager) string { return signIn(t, m, "bob") },
		func(s *session.Session) { s.SetPrincipal("ann") },
		2, "", 5,
	},
}

// Whichever call of a change of identity fails, or loses its reply: after the commit, or a
// second one, all is as if nothing had happened.
func TestFaultAtEachCallOfAnIdentityChange(t *testing.T) {
	for _, c := range identityChanges {
		for name, fault := range map[string]step{"refused": refuse, "lost": lose} {
			for _, o := range []session.Options{
				{MaxPerPrincipal: 2},
				{MaxPerPrincipal: 2, RetryTimeout: 2 * time.Second},
				{MaxPerPrincipal: 2, TrackEnd: true},
				{MaxPerPrincipal: 2, TrackEnd: true, RetryTimeout: 2 * time.Second},
			} {
				t.Run(c.name+"/"+name+"/"+o.RetryTimeout.String()+map[bool]string{true: "/tracked"}[o.TrackEnd], func(t *testing.T) {
					inBubble(t, func(t *testing.T, r *rig) {
						for call := 0; ; call++ {
							clean := r.Manager(o)
							signIn(t, clean, "ann")
							signIn(t, clean, "ann")
							id := c.start(t, clean)
							if id != "" {
								s := begin(t, clean, id, session.Exclusive)
								s.SetCompanion("c")
								commit(t, s)
							}
							m, f := r.Faulty(o)
							s := begin(t, m, id, session.Exclusive)
							c.change(s)
							s.Set("n", 7)
							for range call {
								f.Then(pass)
							}
							f.Then(fault)
							err := s.Commit(context.Background())
							if err != nil && o.RetryTimeout > 0 {
								t.Errorf("call %d: %v", call, err)
							}
							time.Sleep(10 * time.Second)
							reached := f.Used()
							f.Clear()
							if err != nil {
								commit(t, s)
							}
							time.Sleep(30 * time.Second) // for what is done beside the request
							ann, bob, live := len(handles(t, clean, "ann")), len(handles(t, clean, "bob")), len(all(t, clean))
							if ann != c.listed || bob != 0 || live != 2 {
								t.Errorf("call %d: ann has %d sessions, bob %d, of %d", call, ann, bob, live)
							}
							value, _ := r.Companion(s.ID())
							proof, _ := r.CompanionProof(s.ID())
							if value != c.companion || proof != session.Proof(s.ID()) && value != "" {
								t.Errorf("call %d: the companion is %q, the ID opens it: %t", call, value, proof == session.Proof(s.ID()))
							}
							if n := get[int](t, view(t, clean, s.ID()), "n"); n != 7 {
								t.Errorf("call %d: n is %d", call, n)
							}
							if !reached {
								if call < c.calls {
									t.Errorf("there were %d calls", call)
								}
								return
							}
							r.Mini.FlushAll()
						}
					})
				})
			}
		}
	}
}
