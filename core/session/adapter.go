package session

import (
	"context"
	"errors"
	"time"
)

// Adapter is what a middleware for a framework, or a store of another session library, is built on. See
// packages httpsession, buffered and gorillastore. An application does not need it.
type Adapter struct{ m *Manager }

// Adapter returns what adapters need of m.
func (m *Manager) Adapter() Adapter { return Adapter{m} }

// CookieName returns the name of the session cookie, with its prefix. It is "" if Options.Header is in
// its place.
func (a Adapter) CookieName() string { return a.m.carrier.CookieName() }

// SessionOf returns the session that a middleware has put into the context of a request, and nil if
// there is none. Unlike [FromContext] it finds it behind the session of another Manager, too.
//
// If a middleware finds one, it is installed twice. It must not begin a session then, since it would
// wait for the lease that the outer one holds. It may call [Adapter.ChangeAccess].
func (a Adapter) SessionOf(ctx context.Context) *Session {
	s, _ := ctx.Value(managerKey(a)).(*Session)
	return s
}

// Key returns a key of the application that belongs to no session, such as {shop_Moved_NAME}. It is for what
// a package keeps beside the sessions.
func (a Adapter) Key(parts ...string) string { return a.m.store.Keys.Beside(parts) }

// TakenOver says that a new session comes from another library: nobody knows when its principal signed in,
// so [Session.AuthenticatedAt] is the zero time. [Session.RequirePrincipal] within a duration then refuses with
// [ErrSignInTooOld], until [Session.Reauthenticated]. MaxLifetime counts from the commit. Call it after
// [Session.SetPrincipal]. It is an error if the session is not new. Package moving calls it after Load.
func (Adapter) TakenOver(s *Session) {
	s.change("TakenOver", func() error {
		if !s.draft.New {
			return errors.New("session: TakenOver of a session that is not new: call it in a session that was begun without an ID")
		}
		s.draft.Authenticated = time.Time{}
		return nil
	})
}
