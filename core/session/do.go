package session

import (
	"context"
	"errors"

	"github.com/berthgo/berth/core/internal/credential"
)

// Do begins a session, calls f and commits. If f returns an error or panics, it rolls back. It is
// for work outside HTTP, such as a message on a socket, that has the client's ID.
//
// With an ID, the session must exist. If it does not, Do does not call f and returns
// [ErrUnknown]; or [ErrEnded] if the session was abandoned or rotated in the last minute, or was
// ended by others (for as long as [Session.PreviousEnd] tells); or with FailSilently what Redis
// said. Close a socket that gets ErrEnded: its client comes back with the new ID, if there is one.
// In f, [Session.Rotate] and [Session.SetPrincipal] are errors.
//
// With "", f gets a new session, and only f can tell anybody its ID. [Session.ID] is "" if the
// session was not saved or is detached: refuse a socket then.
//
// Other errors are f's own and those of [Manager.Begin] and [Session.Commit].
//
// In a handler that holds its own session, by [Exclusive] access and until its commit, it is an error to
// call it for that session.
func (m *Manager) Do(ctx context.Context, id string, access Access, f func(s *Session) error) error {
	if credential.Valid(id) && m.holds(ctx, credential.Handle(id)) {
		return errOwn
	}
	s, err := m.Begin(ctx, id, access)
	if err != nil {
		return err
	}
	return s.do(ctx, id != "", f)
}

// DoHandle is [Manager.Do] for a job or an operator that knows only the session's handle. Whoever
// chooses the handle chooses the session, so do not take it from a client. The session must exist,
// and [Session.ID] is "". To end a session there is [Manager.EndHandle].
func (m *Manager) DoHandle(ctx context.Context, handle string, access Access, f func(s *Session) error) error {
	if !credential.ValidHandle(handle) {
		return ErrUnknown
	}
	if m.holds(ctx, handle) {
		return errOwn
	}
	s, err := m.begin(ctx, opening{handle: handle}, access)
	if err != nil {
		return err
	}
	return s.do(ctx, true, f)
}

// errOwn says that Do is called for the session of the handler's own request.
var errOwn = errors.New("session: Do in a handler, for the session that the handler holds: it would wait for itself; use session.FromContext")

// holds tells whether ctx is of a request that holds that session.
func (m *Manager) holds(ctx context.Context, handle string) bool {
	s := m.Adapter().SessionOf(ctx)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle == handle && s.state == open && s.lease != nil
}

func (s *Session) do(ctx context.Context, exists bool, f func(s *Session) error) error {
	defer s.Rollback(ctx)
	if exists {
		switch {
		case s.access == None:
			return errNone("Do")
		case s.detached == outage:
			return s.err
		case s.detached == ended, s.detached == rotated, s.previous != "":
			return ErrEnded
		case s.draft.New:
			return ErrUnknown
		}
		s.bound = true
	}
	if err := f(s); err != nil {
		return err
	}
	return s.Commit(ctx)
}
