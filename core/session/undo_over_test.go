package session_test

import (
	"testing"

	"github.com/berthgo/berth/core/session"
)

// After a rollback nobody is signed in who is not, also if the request had abandoned its session first, or if
// its commit failed for good.
func TestRollbackShowsNobodyWhoIsNotSignedIn(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		check := func(what string, s *session.Session) {
			t.Helper()
			s.Rollback(t.Context())
			if s.Principal() != "" || s.Has("secret") || !s.AuthenticatedAt().IsZero() {
				t.Errorf("%s: the session is of %q, who signed in at %v, and has %v", what, s.Principal(), s.AuthenticatedAt(), s.Keys())
			}
		}
		s := begin(t, m, signIn(t, m, "ann"), session.Exclusive)
		s.Abandon()
		s.Set("secret", "of bob")
		s.SetPrincipal("bob")
		check("abandoned", s)

		for name, access := range map[string]session.Access{"exclusive": session.Exclusive, "shared": session.Shared} {
			id := saved(t, m, "cart", "tea")
			s = begin(t, m, id, access)
			s.Set("secret", "of bob")
			if access == session.Exclusive {
				s.SetPrincipal("bob")
			}
			if err := m.EndHandle(t.Context(), handleOf(id)); err != nil {
				t.Fatal(err)
			}
			wantErr(t, s.Commit(t.Context()), session.ErrEnded)
			check("ended, "+name, s)
		}
	})
}
