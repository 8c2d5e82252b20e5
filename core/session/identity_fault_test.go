//go:build testall

package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

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
