package session

import (
	"errors"
	"fmt"
	"time"
)

// Principal returns the user that the session belongs to, "" if none.
func (s *Session) Principal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.principal
}

// AuthenticatedAt returns when the principal signed in, or was asked for a password again: see
// [Session.Reauthenticated]. It is in whole milliseconds, by the clock of the process that did
// it, and the zero time for a session without a principal.
func (s *Session) AuthenticatedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.principal == "":
		return noTime
	case !s.authenticated.IsZero():
		return s.authenticated
	}
	return s.meta.Extras.Authenticated
}

// SetPrincipal says that the session belongs to a user from now on, or with ""
// to none. A change of it rotates the session ID at the commit, so that an ID that
// was planted before a login is worth nothing after it, and sets AuthenticatedAt. The same
// principal again changes nothing: see [Session.Reauthenticated].
//
// Where nobody was signed in, the values stay. Where somebody else was, or with "", the values
// that were set before are deleted, and the timeout is the default again: what is set after
// it stays. A companion goes too.
//
// It needs [Exclusive], unless the session is new. It is an error in [Manager.DoHandle], and
// in [Manager.Do] with an ID, as no client would hear of the new ID.
//
// Nobody is signed in or out in silence: with FailSilently too, Commit fails if Redis failed.
//
// In a request whose session is detached because another one logged out or
// rotated the ID, a principal other than "" turns the session into a new one. If it was rotated, ""
// is an error that matches [ErrEnded], as the session goes on.
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
			s.detached, s.isNew, s.dropped = attached, true, false
		}
		if principal == s.principal {
			return nil
		}
		if err := s.mayRotate("SetPrincipal"); err != nil {
			return err
		}
		if s.principal != "" {
			s.switchUser()
		}
		s.principal = principal
		s.authenticate()
		return nil
	})
}

// Reauthenticated says that the principal was asked for a password, or the like, again: it
// rotates the session ID, as [Session.Rotate] does, and sets AuthenticatedAt. It needs a
// principal; what [Session.SetPrincipal] needs, it needs too.
func (s *Session) Reauthenticated() {
	s.change("Reauthenticated", func() error {
		switch {
		case s.detached == unused:
			return errNone("Reauthenticated")
		case s.detached == attached && s.principal == "":
			return errors.New("session: Reauthenticated of a session without a principal: sign in with SetPrincipal")
		}
		if err := s.mayRotate("Reauthenticated"); err != nil {
			return err
		}
		s.authenticate()
		return nil
	})
}

// Rotate gives the client a new session ID at the commit; the handle and all that belongs to
// the session stay. For a minute, a request that still carries the old ID gets a detached
// session; after that it gets a new one. Call it when
// what the session may do changes. It needs [Exclusive]. It is an error in [Manager.DoHandle],
// and in [Manager.Do] with an ID, as no client would hear of the new ID.
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
		s.rotate, s.identity = !s.isNew, true
		return nil
	})
}

// switchUser makes the session one of nobody, without what belongs to its user.
func (s *Session) switchUser() {
	s.values.Drop()
	s.timeout, s.companion = s.m.options.Timeout, nil
	s.switched = !s.isNew
}

// authenticate rotates the session of a principal that is known to be there now.
func (s *Session) authenticate() {
	s.authenticated = time.UnixMilli(time.Now().UnixMilli())
	s.rotate, s.identity = !s.isNew, true
}

// mayRotate returns why the session cannot get another ID; a new one gets its first.
func (s *Session) mayRotate(op string) error {
	switch {
	case s.bound && s.detached == attached:
		return fmt.Errorf("session: %s outside a request: it gives the session a new ID, and no client would hear of that", op)
	case s.isNew || s.detached != attached:
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
