package session

import (
	"context"
	"errors"
	"time"
)

// What a store of another session library needs to be built on a Manager, as package gorillastore is.

// CookieName returns the name of the session cookie, with its prefix. It is "" if Options.Header is in
// its place.
func (m *Manager) CookieName() string {
	if m.options.Header != "" {
		return ""
	}
	return m.options.Cookie.Name
}

// SessionOf returns the session of m that a middleware has put into the context of a request, and nil
// if there is none. Unlike [FromContext] it finds it behind the session of another Manager, too.
func (m *Manager) SessionOf(ctx context.Context) *Session { return m.serving(ctx) }

// Key returns a key of the application that belongs to no session, such as {shop_Moved_NAME}. It is for what
// a package keeps beside the sessions.
func (m *Manager) Key(parts ...string) string { return m.store.Keys.Beside(parts) }

// Remembered returns what [Session.Remember] has set, in this request or an earlier one: 0 if nothing.
func (s *Session) Remembered() time.Duration {
	s.look()
	defer s.mu.Unlock()
	return s.remembered
}

// TakenOver says that a new session comes from another library: nobody knows when its principal signed in,
// so [Session.AuthenticatedAt] is the zero time. [Session.RequirePrincipal] within a duration then refuses with
// [ErrSignInTooOld], until [Session.Reauthenticated]. MaxLifetime counts from the commit. Call it after
// [Session.SetPrincipal]. It is an error if the session is not new. Package moving calls it after Load.
func (s *Session) TakenOver() {
	s.change("TakenOver", func() error {
		if !s.isNew {
			return errors.New("session: TakenOver of a session that is not new: call it in a session that was begun without an ID")
		}
		s.authenticated = noTime
		return nil
	})
}
