package session_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
)

// docs/security-model.md names these options for the levels of NIST SP 800-63B.
func TestTimeoutsOfNIST(t *testing.T) {
	for level, o := range map[string]session.Options{
		"AAL1": {MaxLifetime: 30 * 24 * time.Hour, Timeout: 5 * 24 * time.Hour},
		"AAL2": {MaxLifetime: 12 * time.Hour, Timeout: 30 * time.Minute},
		"AAL3": {MaxLifetime: 12 * time.Hour, Timeout: 15 * time.Minute},
	} {
		t.Run(level, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				m := r.Manager(o)
				// use begins a session, and tells whether somebody is signed in.
				use := func(id string, f func(s *session.Session)) (string, bool) {
					s := begin(t, m, id, session.Exclusive)
					in := s.Principal() != ""
					if f != nil {
						f(s)
					}
					commit(t, s)
					return s.ID(), in
				}
				signIn := func(s *session.Session) { s.SetPrincipal("ann") }
				// busy uses the session for as long as it lives, and tells how long that was.
				busy := func(id string) time.Duration {
					start := time.Now()
					for {
						time.Sleep(o.Timeout / 3)
						if _, in := use(id, nil); !in {
							return time.Since(start)
						}
					}
				}
				id, _ := use("", signIn)
				if lived := busy(id); lived < o.MaxLifetime || lived > o.MaxLifetime+o.Timeout/3 {
					t.Errorf("a busy session lives for %v", lived)
				}
				id, _ = use("", signIn)
				time.Sleep(o.Timeout + time.Second)
				if _, in := use(id, nil); in {
					t.Error("an idle session lives on")
				}
				id, _ = use("", signIn)
				for range 10 {
					time.Sleep(o.Timeout / 3)
					use(id, nil)
				}
				time.Sleep(o.Timeout / 3)
				old := id
				id, in := use(id, (*session.Session).Reauthenticated)
				if !in || id == old {
					t.Fatalf("before the reauthentication: signed in %t, another ID after it %t", in, id != old)
				}
				if lived := busy(id); lived < o.MaxLifetime || lived > o.MaxLifetime+o.Timeout/3 {
					t.Errorf("after a reauthentication, a busy session lives for %v", lived)
				}
			})
		})
	}
}
