package sessiontest

import (
	"context"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// Context returns a context in which [session.FromContext] finds the session of a cookie, for a
// handler without its middleware, or for code that knows no HTTP. A nil cookie is for a client
// without a session. The session is [session.Exclusive], so until commit other requests wait for it.
//
// Commit saves the session, and returns the cookie that the client has from then on: another one after
// a sign-in or a rotation, nil after Abandon and for a new session with nothing in it. A commit that fails,
// as after a Set of what cannot be encoded, fails the test; to see the error, call
// [session.Session.Commit] yourself. Without a commit, nothing is saved.
func (s *Sessions) Context(cookie *http.Cookie) (ctx context.Context, commit func() *http.Cookie) {
	s.t.Helper()
	alone := context.WithoutCancel(s.t.Context())
	begun, err := s.Manager.Adapter().Begin(alone, session.Request{Headers: s.request(cookie)}, session.Exclusive)
	if err != nil {
		s.t.Fatalf("sessiontest: Context: %v", err)
	}
	return session.NewContext(s.t.Context(), begun), func() *http.Cookie {
		s.t.Helper()
		after, err := s.finish(alone, begun, cookie)
		if err != nil {
			s.t.Fatalf("sessiontest: commit of a Context: %v", err)
		}
		return after
	}
}
