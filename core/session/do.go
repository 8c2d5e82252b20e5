package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/credential"
)

// Do begins a session, calls f and commits; if f returns an error or panics, the
// session is rolled back. It is for work outside HTTP that has what a client holds: sockets.
//
// With an ID, the session must exist, so that no work is done on one that nobody
// will find: f is not called, and the error is [ErrUnknown], or [ErrEnded] for a
// session that was abandoned or rotated a moment ago, or ended by others for as long as
// [Session.PreviousEnd] tells, or with FailSilently what Redis said.
// [Session.Rotate] and [Session.SetPrincipal] are errors then. A socket that gets ErrEnded is to
// be closed: its client comes back with the new ID, if there is one.
//
// With the ID "" f gets a new session, which only f can tell anybody of. [Session.ID] is "" for a
// session that is not saved or is detached: refuse a socket then.
//
// Other errors are f's own and those of [Manager.Begin] and [Session.Commit].
//
// Do not call it from a handler for the handler's own session: an [Exclusive] one
// would wait for itself.
func (m *Manager) Do(ctx context.Context, id string, access Access, f func(s *Session) error) error {
	s, err := m.Begin(ctx, id, access)
	if err != nil {
		return err
	}
	return s.do(ctx, id != "", f)
}

// DoHandle is [Manager.Do] for a job, or an operator, that knows the session's handle alone:
// whoever may choose the handle chooses the session, so it must not come from a client. The
// session must exist, and [Session.ID] is "". To end it there is [Manager.EndHandle].
func (m *Manager) DoHandle(ctx context.Context, handle string, access Access, f func(s *Session) error) error {
	if !credential.ValidHandle(handle) {
		return ErrUnknown
	}
	s, err := m.begin(ctx, opening{handle: handle}, access)
	if err != nil {
		return err
	}
	return s.do(ctx, true, f)
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
		case s.isNew:
			return ErrUnknown
		}
		s.bound = true
	}
	if err := f(s); err != nil {
		return err
	}
	return s.Commit(ctx)
}
