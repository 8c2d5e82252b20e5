package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/cookie"
)

// Requirement is what a middleware demands of the session of each request, before it calls the
// handler. The zero value demands nothing.
type Requirement struct {
	principal bool
	within    time.Duration
}

// PrincipalWithin returns the requirement that [Session.RequirePrincipal] returns nil. It panics if
// within is negative.
func PrincipalWithin(within time.Duration) Requirement {
	if within < 0 {
		panic(errWithin(within).Error())
	}
	return Requirement{principal: true, within: within}
}

// and returns the requirement that demands what both do.
func (q Requirement) and(other Requirement) Requirement {
	both := Requirement{principal: q.principal || other.principal, within: min(q.within, other.within)}
	if both.within == 0 {
		both.within = max(q.within, other.within)
	}
	return both
}

// RequirePrincipal returns nil if the session has a principal. If within is more than 0, the
// principal must also have signed in, or given a password again, no longer ago than that: see
// [Session.AuthenticatedAt]. Use that for pages that change a password or an address.
//
// The errors are:
//
//   - [ErrNoPrincipal]: nobody has signed in.
//   - [ErrSignInTooOld]: somebody has, but too long ago.
//   - An [*OpError]: Redis has failed, FailSilently is set, and nobody knows who it is.
//   - One that matches [ErrEnded]: another request has rotated the ID in the last minute. The client
//     has a newer cookie by now, so let it try again.
//   - Any other: within is negative, or access is [None]. That is a mistake in the program.
//
// [HTTPStatus] has a status for each. The adapters' RequirePrincipal demands the same of all requests
// of a middleware.
func (s *Session) RequirePrincipal(within time.Duration) error {
	s.look()
	defer s.mu.Unlock()
	return s.lacks(within, time.Now())
}

// lacks returns why the session does not satisfy [Session.RequirePrincipal].
func (s *Session) lacks(within time.Duration, now time.Time) error {
	switch {
	case within < 0:
		return errWithin(within)
	case s.detached == unused:
		return errUnloaded
	case s.detached == outage:
		return s.err
	case s.detached == rotated:
		return errRotatedAway
	case s.draft.Principal == "":
		return ErrNoPrincipal
	case within > 0 && now.Sub(s.draft.AuthenticatedAt()) > within:
		return ErrSignInTooOld
	}
	return nil
}

// Admit returns nil if the session of ctx satisfies q, now and after a later [Adapter.ChangeAccess].
// A middleware calls it before the handler. If Admit returns an error, the middleware calls
// [Adapter.Refuse], and answers in place of the handler.
//
// Then the session is committed, so that nobody waits for it any longer, and what a middleware before
// has changed is saved. If that fails, the error is that of the commit. The errors are those of
// [Session.RequirePrincipal] and of [Session.Finish].
func (a Adapter) Admit(ctx context.Context, q Requirement) error {
	if !q.principal {
		return nil
	}
	s := a.SessionOf(ctx)
	if s == nil {
		return errors.New("session: Admit without a session in the context: install the middleware before")
	}
	s.mu.Lock()
	s.required = s.required.and(q)
	refusal := s.lacks(q.within, time.Now())
	s.mu.Unlock()
	if refusal == nil {
		return nil
	}
	if errors.Is(refusal, errUnloaded) {
		s.fail(ctx, refusal) // the others are no failures, or were reported
	}
	if err := s.Finish(ctx); err != nil {
		s.Rollback(ctx)
		return err
	}
	return refusal
}

// Refuse says in a response that it depends on the session, and that no cache may keep it.
// Middlewares call it before they answer in place of a handler.
func (a Adapter) Refuse(response Headers) {
	a.Vary(response)
	cookie.NoStore(response)
}

// errUnloaded says that a session which was not loaded was asked for its principal.
var errUnloaded = errors.New("session: RequirePrincipal with None access: the session is not loaded, so nobody knows who it is; begin it ReadOnly, Shared or Exclusive")

// errRotatedAway says that the client has a newer cookie than the one that it has sent.
var errRotatedAway = fmt.Errorf("session: RequirePrincipal: another request has rotated the ID, and the client is to try again with its new one: %w", ErrEnded)

func errWithin(within time.Duration) error {
	return fmt.Errorf("session: RequirePrincipal(%v): it must be 0, for any age of the sign-in, or more", within)
}
