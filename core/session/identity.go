package session

import (
	"errors"
	"fmt"
	"time"
)

// Principal returns the user that the session belongs to, "" if none.
func (s *Session) Principal() string {
	s.look()
	defer s.mu.Unlock()
	return s.draft.Principal
}

// AuthenticatedAt returns when the principal signed in, or gave a password again, see
// [Session.Reauthenticated]. It is in whole milliseconds, by the clock of the process that served
// that request. Without a principal it is the zero time, and so it is if the session was taken over from
// another library, see [Adapter.TakenOver].
func (s *Session) AuthenticatedAt() time.Time {
	s.look()
	defer s.mu.Unlock()
	return s.draft.AuthenticatedAt()
}

// SetPrincipal signs a user in: from now on the session belongs to that user. With "" it signs
// the user out.
//
// A change of the principal rotates the session ID at the commit, so that an ID that was planted
// before a login is worthless after it. It also sets AuthenticatedAt. The same principal again
// changes nothing; for that there is [Session.Reauthenticated].
//
// If nobody was signed in, the values stay. If another user was, or with "", what was set before
// is deleted, the companion too, and what SetTimeout and Remember have set; what is set afterwards
// stays.
//
// It needs [Exclusive], unless the session is new. In [Manager.DoHandle], and in [Manager.Do]
// with an ID, it is an error, since no client would hear of the new ID. If Redis fails, Commit
// fails, with FailSilently too.
//
// If the session is detached because another request has logged out or rotated the ID, a
// principal turns it into a new session. If the ID was rotated, "" is an error that matches
// [ErrEnded], since the session goes on.
func (s *Session) SetPrincipal(principal string) {
	s.change("SetPrincipal", func() error {
		switch {
		case s.detached == unused:
			return errNone("SetPrincipal")
		case s.detached == outage:
			s.identity = true // whoever is signed in
		case s.detached == rotated && principal == "":
			return errRotated("SetPrincipal")
		case s.detached != attached && principal != "":
			s.detached, s.draft.New, s.dropped = attached, true, false
		}
		if principal == s.draft.Principal {
			return nil
		}
		if err := s.mayRotate("SetPrincipal"); err != nil {
			return err
		}
		if s.draft.Sign(&s.m.rules, principal) {
			s.values.Drop()
		}
		s.identity = true
		return nil
	})
}

// Reauthenticated says that the principal has given a password, or the like, again. It rotates the
// session ID, as [Session.Rotate] does, and sets AuthenticatedAt. It needs a principal, and all
// that [Session.SetPrincipal] needs.
func (s *Session) Reauthenticated() {
	s.change("Reauthenticated", func() error {
		switch {
		case s.detached == unused:
			return errNone("Reauthenticated")
		case s.detached == attached && s.draft.Principal == "":
			return errors.New("session: Reauthenticated of a session without a principal: sign in with SetPrincipal")
		}
		if err := s.mayRotate("Reauthenticated"); err != nil {
			return err
		}
		s.draft.Authenticate()
		s.identity = true
		return nil
	})
}

// Rotate gives the client a new session ID at the commit. Call it when what the session may do
// changes. The handle stays, and all that belongs to the session. A request that still carries
// the old ID gets a detached session for a minute, and a new one after that.
//
// It needs [Exclusive]. In [Manager.DoHandle], and in [Manager.Do] with an ID, it is an error,
// since no client would hear of the new ID.
func (s *Session) Rotate() {
	s.change("Rotate", func() error {
		if s.detached == unused {
			return errNone("Rotate")
		}
		if s.access != Exclusive {
			return fmt.Errorf("session: Rotate with %v access: it needs Exclusive", s.access)
		}
		if err := s.mayRotate("Rotate"); err != nil {
			return err
		}
		s.draft.Rotate, s.identity = !s.draft.New, true
		return nil
	})
}

// mayRotate returns why the session cannot get another ID, nil if it can. A new session gets its
// first one.
func (s *Session) mayRotate(op string) error {
	switch {
	case s.bound && s.detached == attached:
		return fmt.Errorf("session: %s outside a request: it gives the session a new ID, and no client would hear of that", op)
	case s.draft.New || s.detached != attached:
		return nil
	case s.access != Exclusive:
		return fmt.Errorf("session: %s with %v access: it rotates the ID, which needs Exclusive", op, s.access)
	}
	return nil
}

// shown is the proof with which the session was begun, "" if it needed none.
func (s *Session) shown() string {
	if s.trusted {
		return ""
	}
	return s.proof
}
