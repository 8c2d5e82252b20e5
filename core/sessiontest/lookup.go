package sessiontest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/session"
)

// Lookup returns the live session of a cookie, to be read: its values by [session.Get] or a
// [session.Key], its Principal, its Handle. It waits for no request that holds the session, shows
// what the last commit left, and does not start the idle time anew. Changes are
// [session.ErrReadOnly].
//
// If there is no live session, the error is [session.ErrEnded] if it was ended, abandoned or
// rotated, and [session.ErrUnknown] if it has expired, was abandoned or rotated more than a minute ago,
// or never was. A nil cookie is ErrUnknown.
func (s *Sessions) Lookup(cookie *http.Cookie) (*session.Session, error) {
	if cookie == nil || cookie.Value == "" {
		return nil, session.ErrUnknown
	}
	var found *session.Session
	err := s.manager.Do(context.WithoutCancel(s.t.Context()), cookie.Value, session.Peek, func(is *session.Session) error {
		found = is
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Session is [Sessions.Lookup] for a session that must be there: if it is not, the test fails.
func (s *Sessions) Session(cookie *http.Cookie) *session.Session {
	s.t.Helper()
	found, err := s.Lookup(cookie)
	switch {
	case cookie == nil:
		s.t.Fatalf("sessiontest: Session of a nil cookie: the response set none, or the client has none")
	case errors.Is(err, session.ErrEnded):
		s.t.Fatalf("sessiontest: the session of the cookie was ended, abandoned or rotated; was it signed in since? Then the client has another cookie")
	case errors.Is(err, session.ErrUnknown):
		s.t.Fatalf("sessiontest: there is no session of the cookie: it has expired, was deleted, or never was")
	case err != nil:
		s.t.Fatalf("sessiontest: Session: %v", err)
	}
	return found
}

// handle returns the handle of a cookie's session, which must be live.
func (s *Sessions) handle(cookie *http.Cookie) string {
	s.t.Helper()
	s.Session(cookie)
	handle, _, _ := strings.Cut(cookie.Value, ".")
	return handle
}
