package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
	"github.com/berthgo/berth/core/internal/watch"
)

// EndedError is the cause with which a context of [Session.Watch] or [Manager.Watch] ends, when the
// session has ended or changed. It matches [ErrEnded].
type EndedError struct {
	Handle string // of the session
	Reason Reason
}

// Error is short enough for the close frame of a WebSocket.
func (e *EndedError) Error() string { return "session: over for who watches it: " + string(e.Reason) }

// Is reports whether target is [ErrEnded].
func (e *EndedError) Is(target error) bool { return target == ErrEnded }

// Watch returns a context that ends with the session. It is for handlers that go on after the commit,
// as those of WebSockets and event streams:
//
//	watched, stop := s.Watch(ctx)
//	defer stop()
//	context.AfterFunc(watched, func() { socket.Close(4001, context.Cause(watched).Error()) })
//
// The cause is an [*EndedError] if the session has ended, for whatever [Reason]; if another request has
// rotated its ID; or if a user has signed in or out. That counts from what this request has loaded, or
// committed: nothing in between is missed. The request's own commit ends no watch, unless it abandons
// the session.
//
// Watch prolongs no session: an open socket without requests ends when its session expires. It
// hears within milliseconds. Where messages do not get through, it takes up to 5 seconds. As long as
// Redis cannot be reached, the watch goes on. It looks again when Redis is back.
//
// The watch ends with ctx, stop and [Manager.Close]. The cause is then that of ctx,
// [context.Canceled], or [ErrClosed]. One that nobody stops lasts as long as its session. The
// cause is [ErrForged] or an [*OpError] if the session cannot be read any more. It is [ErrUnknown], or
// why the session is detached, if there is nothing to watch: test [Session.IsNew] where visitors may
// have no session. A new session that this request saves can be watched.
//
// All watches of a manager share one subscription and one pipeline every few seconds. The first Watch
// starts two goroutines, which end with Close.
func (s *Session) Watch(ctx context.Context) (watched context.Context, stop context.CancelFunc) {
	s.look()
	defer s.mu.Unlock()
	unsaved := s.proof == ""
	changes := (s.state == open || s.state == inDoubt) && !s.access.reads()
	switch {
	case s.detached == outage:
		return over(ctx, s.err)
	case s.detached == rotated:
		return over(ctx, &EndedError{Handle: s.opened.handle, Reason: Rotated})
	case s.detached == ended:
		return over(ctx, &EndedError{Handle: s.opened.handle, Reason: Abandoned})
	case s.detached == unused, unsaved && !changes:
		return over(ctx, ErrUnknown)
	}
	if s.handle == "" {
		s.handle = credential.NewHandle()
	}
	watched, stop, w := s.m.watch(ctx, s.handle, s.baseline(), unsaved || s.state == inDoubt)
	if changes {
		s.watches = append(s.watches, w)
	}
	return watched, stop
}

// Watch is [Session.Watch] for an operator or a job that knows only the session's handle. It compares
// with what it finds first. So it does not hear of a change before that. The cause is [ErrUnknown] if
// it finds no session. Do not take the handle from a client.
func (m *Manager) Watch(ctx context.Context, handle string) (watched context.Context, stop context.CancelFunc) {
	if !credential.ValidHandle(handle) {
		return over(ctx, ErrUnknown)
	}
	watched, stop, _ = m.watch(ctx, handle, nil, false)
	return watched, stop
}

// over returns a context that has ended.
func over(ctx context.Context, why error) (context.Context, context.CancelFunc) {
	watched, cancel := context.WithCancelCause(ctx)
	cancel(why)
	return watched, func() {}
}

func (m *Manager) watch(ctx context.Context, handle string, base *watch.Baseline, held bool) (context.Context, context.CancelFunc, *watch.Watch) {
	watched, cancel := context.WithCancelCause(ctx)
	w := m.watches.Add(handle, base, held, func(o watch.Over) { cancel(overCause(handle, o)) })
	context.AfterFunc(watched, w.Stop)
	return watched, func() { w.Stop(); cancel(context.Canceled) }, w
}

// overCause turns the end of a watch into what its context says.
func overCause(handle string, o watch.Over) error {
	switch {
	case o.Err == nil:
		return &EndedError{Handle: handle, Reason: Reason(o.Reason)}
	case errors.Is(o.Err, watch.ErrUnknown):
		return ErrUnknown
	case errors.Is(o.Err, tasks.ErrClosed):
		return ErrClosed
	case errors.Is(o.Err, ErrForged):
		return o.Err
	}
	return opError(opWatch, o.Err)
}

// baseline is what watches compare with, nil for a session that is not saved.
func (s *Session) baseline() *watch.Baseline {
	if s.proof == "" {
		return nil
	}
	until := s.expires
	if until.IsZero() {
		until = time.Now().Add(s.draft.Saved.Timeout)
	}
	return &watch.Baseline{Proof: s.proof, Principal: s.draft.Saved.Principal, Born: s.draft.Saved.Born(), Until: until}
}

// holdWatches keeps the watches of this session from taking its own commit for somebody else's. It
// returns what frees them.
func (s *Session) holdWatches() (free func()) {
	for _, w := range s.watches {
		w.Hold()
	}
	return func() {
		if s.state == sealed || s.state == rolledBack || s.state == open && !s.draft.New {
			s.freeWatches()
		}
	}
}

// freeWatches tells the watches what is true now. A watch of a session that this one was before Abandon
// keeps what it has.
func (s *Session) freeWatches() {
	for _, w := range s.watches {
		if w.Handle() == s.handle {
			w.Free(s.baseline())
		} else {
			w.Free(nil)
		}
	}
	if s.state != open {
		s.watches = nil
	}
}

func (m *Manager) newWatches() *watch.Watches {
	return &watch.Watches{
		Store: m.store, Tasks: m.tasks, Idle: m.caller.Idle,
		Genuine: func(handle string, o store.Observed) error { return m.verify(o.MAC, handle, o.Proof, o.Meta) },
		OnWatch: func() { m.stats.watches.Add(1) },
		OnLook: func(sessions int) {
			m.stats.watchLooks.Add(1)
			m.stats.watchedLooks.Add(uint64(sessions)) //nolint:gosec // never negative
		},
		OnFailed: func(err error) {
			if !errors.Is(err, ErrForged) {
				err = opError(opWatch, err)
			}
			m.fail(m.tasks.Context(), err)
		},
	}
}
