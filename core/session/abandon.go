package session

import (
	"context"
	"fmt"

	"github.com/berthgo/berth/core/internal/store"
)

// Abandon ends the session: its values are gone and the client's cookie is deleted, at the
// commit. From now on this is a new and empty session; what is set after it, such as a message
// that says goodbye, goes into that, and the client gets its cookie. It needs no lease:
// [Shared] does, so that nobody's logout waits for a slow request.
//
// A Commit that returns nil means that the session is gone. It is an error that matches
// [ErrEnded] if another request has rotated the ID meanwhile, so that the session goes on. If
// only the new session cannot be saved, the old one has ended, [Hooks].OnError hears of the
// rest, and Commit returns nil.
//
// After the commit, which comes before the first byte of the response, it is too late to delete
// the cookie: that is reported as [ErrSealed], and the session is ended by Rollback, or at once
// beside the request if that was called already. In a
// stream, call [Manager.End] with [Session.ID] instead, which ends it at once.
//
// A new or detached session has nothing to end.
func (s *Session) Abandon() {
	s.mu.Lock()
	if s.late() && s.proof != "" && s.leaving == nil && s.access != ReadOnly {
		left := s.depart()
		if late := s.rolled; late {
			s.mu.Unlock()
			s.m.leaveLater(left)
		} else {
			s.leaving = left
			s.mu.Unlock()
		}
		s.m.fail(context.Background(), fmt.Errorf("%w (Abandon: the session ends, but its cookie stays)", ErrSealed))
		return
	}
	s.mu.Unlock()
	s.change("Abandon", func() error {
		switch s.detached {
		case rotated:
			return errRotated("Abandon")
		case ended:
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

// errRotated says that a session cannot be left which another request has rotated.
func errRotated(op string) error {
	return fmt.Errorf("session: %s: %w; another request has rotated the ID, and the session goes on under the new one", op, ErrEnded)
}

// late tells whether the response may have begun: after a commit, also after one whose failure the
// handler was not told of.
func (s *Session) late() bool {
	return s.state == sealed && s.detached == attached || s.state == rolledBack && s.detached == outage
}

// endsIn tells whether the session to be retired is this, which then ends as by Abandon.
func (s *Session) endsIn(handle string, r store.Retirement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == open && s.leaving != nil && !s.leaving.done && s.leaving.handle == handle:
		return true // it does already
	case s.state != open || s.access == ReadOnly || s.handle != handle || !s.endable():
		return false
	case r.Proof != "" && r.Proof != s.proof, r.Principal != nil && *r.Principal != s.meta.Principal:
		return false
	}
	s.abandon()
	return true
}

// endable tells whether there is a session in Redis that Abandon would end.
func (s *Session) endable() bool {
	return s.detached == attached && s.proof != "" && s.leaving == nil
}

// departure is a session that a request has left, and that is to be retired.
type departure struct {
	store.Retirement
	handle    string
	principal string
	done      bool // it is gone
}

func (s *Session) depart() *departure {
	d := &departure{handle: s.handle, principal: s.meta.Principal}
	d.Token, d.Reason, d.Proof = s.m.process.Token(), string(Abandoned), s.shown()
	if s.lease != nil {
		d.Lease = s.lease.Token
	}
	return d
}

// abandon makes this a new session, and what it was a departure.
func (s *Session) abandon() {
	if s.endable() {
		s.leaving, s.identity = s.depart(), true
	}
	s.isNew, s.rotate, s.switched = true, false, false
	s.handle, s.id, s.proof, s.began = "", "", "", ""
	s.meta, s.values = store.Meta{}, s.m.coding.Load("", nil)
	s.timeout, s.principal, s.companion = s.m.options.Timeout, "", nil
	s.authenticated = noTime
}

// leaveFirst retires the session that was abandoned, if there is one, before its commit saves
// what was set after that.
func (s *Session) leaveFirst(ctx context.Context) error {
	if s.leaving == nil || s.leaving.done {
		return nil
	}
	s.lease.Committing()
	others, companion, err := s.m.leave(ctx, s.leaving)
	s.note(companion)
	if err != nil {
		return err
	}
	s.leaving.done = true
	if !others {
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

// leave retires a session that its request has abandoned. Others tells that another request has
// done so; the error companion is what berth goes on without.
func (m *Manager) leave(ctx context.Context, d *departure) (others bool, companion, err error) {
	var status store.Status
	err = m.call(ctx, opCommit, func(int) (err error) {
		status, companion, err = m.ends.Retire(ctx, d.handle, d.Retirement)
		return err
	})
	switch {
	case err != nil:
		m.companions.Mend(d.handle, "")
		return false, nil, err
	case status == store.Rotated:
		return false, nil, errRotated("Abandon")
	case status != store.Done:
		return true, nil, nil
	}
	m.principals.UnlistEnded(d.principal, d.handle)
	return false, opError(opCompanion, companion), nil
}

// leaveLater does so beside the request, as soon as Redis can be reached.
func (m *Manager) leaveLater(d *departure) {
	m.tasks.Later(func(ctx context.Context) error {
		status, _, err := m.ends.Retire(ctx, d.handle, d.Retirement)
		if err == nil && status == store.Done {
			m.principals.UnlistEnded(d.principal, d.handle)
		}
		return err
	})
}
