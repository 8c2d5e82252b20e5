package session

import (
	"context"
	"fmt"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/principal"
	"github.com/berthgo/berth/core/internal/store"
)

// Abandon ends the session at the commit: its values are deleted, and so is the client's cookie.
// From now on s is a new and empty session. What is set in it, such as a message that says goodbye,
// is saved, and the client gets a cookie for it.
//
// Abandon needs no lease. A logout that begins the session [Shared] does not wait for a slow
// request.
//
// If Commit returns nil, the session is gone. The error matches [ErrEnded] if another request has
// rotated the ID meanwhile, and then the session goes on. If berth cannot save the new session,
// Commit returns nil, and Hooks.OnError gets that error.
//
// The commit comes before the first byte of the response. After it, Abandon still ends the
// session, in Rollback, or beside the request if Rollback was called; but the cookie stays, which
// is reported as [ErrSealed]. In a stream, call [Manager.End] with [Session.ID] instead.
//
// If the request has further cookies of the name, with live sessions, Abandon ends these too: else the
// client would be signed in again with its next request.
//
// A new or detached session has nothing to end.
func (s *Session) Abandon() {
	s.mu.Lock()
	if s.answered() && s.proof != "" && s.leaving == nil && !s.access.reads() {
		d := s.departure()
		if s.finished {
			s.mu.Unlock()
			s.m.principals.LeaveLater(d)
		} else {
			s.leaving = d
			s.mu.Unlock()
		}
		s.fail(context.Background(), fmt.Errorf("%w (Abandon: the session ends, but its cookie stays)", ErrSealed))
		return
	}
	s.mu.Unlock()
	s.change("Abandon", func() error {
		switch s.detached {
		case rotated:
			return errRotated("Abandon")
		case ended: // that is what the request wants, unless it has set something
			s.dropped = s.dropped && s.values.Used()
			return nil
		case unused:
			return errNone("Abandon")
		case outage:
			s.identity = true
			return nil
		}
		s.abandon()
		return nil
	})
}

// errRotated says that another request has rotated the session, so that this one cannot end it.
func errRotated(op string) error {
	return fmt.Errorf("session: %s: %w; another request has rotated the ID, and the session goes on under the new one", op, ErrEnded)
}

// answered tells whether the response may have begun: after a commit, or after a failed one that
// FailSilently has hidden.
func (s *Session) answered() bool {
	return s.state == sealed && s.detached == attached || s.state == rolledBack && s.detached == outage
}

// endsIn abandons this session if it is the one to be retired, and tells whether it was.
func (s *Session) endsIn(handle string, r store.Retirement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == open && s.leaving != nil && !s.leaving.Left() && s.leaving.Handle == handle:
		return true // it does already
	case s.state != open || s.access.reads() || s.handle != handle || !s.endable():
		return false
	case r.Proof != "" && r.Proof != s.proof, r.Principal != nil && *r.Principal != s.draft.Saved.Principal:
		return false
	}
	s.looked = true
	s.abandon()
	return true
}

// endable tells whether there is a session in Redis that Abandon would end.
func (s *Session) endable() bool {
	return s.detached == attached && s.proof != "" && s.leaving == nil
}

// departure is what retires this session.
func (s *Session) departure() *principal.Departure {
	d := &principal.Departure{Handle: s.handle, Principal: s.draft.Saved.Principal}
	d.Token, d.Reason, d.Proof = s.m.process.Token(), string(Abandoned), s.shown()
	d.Known = s.draft.Saved.Extras.Companion
	if s.lease != nil {
		d.Lease = s.lease.Token
	}
	for _, id := range s.opened.others {
		r := store.Retirement{Token: s.m.process.Token(), Reason: string(Abandoned), Proof: credential.Proof(id)}
		d.Others = append(d.Others, principal.Departure{Retirement: r, Handle: credential.Handle(id)})
	}
	return d
}

// abandon keeps what this session was as a departure, and makes it a new session.
func (s *Session) abandon() {
	if s.endable() {
		s.leaving, s.identity = s.departure(), true
	}
	s.handle, s.id, s.proof, s.began = "", "", "", ""
	s.draft, s.values = draft.Fresh(&s.m.rules), s.m.coding.Load("", nil)
}

// leaveFirst retires the session that was abandoned, if there is one, before its commit saves
// what was set after that.
func (s *Session) leaveFirst(ctx context.Context) error {
	if s.leaving == nil || s.leaving.Left() {
		return nil
	}
	s.lease.Committing()
	status, companions, err := s.m.leave(ctx, s.leaving)
	for _, one := range companions {
		s.note(opError(opCompanion, one))
	}
	if err != nil {
		return err
	}
	if status == store.Done {
		s.owed = owesDeletion
		return nil
	}
	// Another request has ended it, which is what this one wanted too. The client may have a new
	// cookie by now, so it gets no other one, and is not told to delete it.
	if s.saves() {
		s.note(fmt.Errorf("%w (what was set after Abandon)", ErrEnded))
	}
	s.detached = ended
	return nil
}

// leave retires a session that its request has abandoned. The second result has errors about
// companions, which berth goes on without.
func (m *Manager) leave(ctx context.Context, d *principal.Departure) (status store.Status, companions []error, err error) {
	status, companions, err = m.principals.Leave(ctx, d)
	if err == nil && status == store.Rotated {
		err = errRotated("Abandon")
	}
	return status, companions, translate(opCommit, err)
}
