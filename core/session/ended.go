package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
)

// Ended is a session that has ended, as [Manager.HandleEnd] hands it out.
type Ended struct {
	// Handle was the session's handle.
	Handle string

	// Session has the values of the last commit, for [Get] and [Key]. It is [ReadOnly].
	Session *Session

	// NoData tells that the values are gone: the end was not handled within EndRetention, or Redis
	// has lost them. Only Handle, EndedAt and Attempt are known then, and [Get] returns
	// [ErrNoValue]. Such an end is handed out a minute after it was found, since a session that is
	// about to be saved looks the same. If a process dies just before it saves a session, that
	// session's end comes with NoData too.
	NoData bool

	Principal string
	Reason    Reason
	CreatedAt time.Time

	// AuthenticatedAt is when the principal signed in or was asked for a password again; the
	// zero time if there is no principal, and if nobody knows: see [Adapter.TakenOver].
	AuthenticatedAt time.Time

	LastUsed time.Time // the last request, as Redis counts the idle time
	EndedAt  time.Time // the deadline that passed, or when it was ended

	// Attempt counts from 1 how often this end was handed out.
	Attempt int
}

// Format prints the handle, the reason and the attempt, and no value.
func (e Ended) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Ended{Handle: %q, Reason: %q, Attempt: %d}", e.Handle, e.Reason, e.Attempt)
}

func (m *Manager) ended(c store.Claimed) Ended {
	s := m.snapshot(c.Handle, store.Meta{Created: c.Meta.Created, Principal: c.Meta.Principal}, c.Fields)
	e := Ended{
		Handle: c.Handle, Session: s, NoData: c.Meta.Reason == string(Unknown),
		Principal: c.Meta.Principal, Reason: Reason(c.Meta.Reason),
		CreatedAt: c.Meta.Created, LastUsed: c.Meta.Used, EndedAt: c.Meta.Ended, Attempt: c.Meta.Attempt,
	}
	if e.Principal != "" {
		e.AuthenticatedAt, s.draft.Saved.Extras.Authenticated = c.Meta.Authenticated, c.Meta.Authenticated
	}
	return e
}

// HandleEnd calls handle for every session that ends, until ctx ends or the manager is closed.
// Then it waits for the handlers that run, and returns nil, or [ErrClosed]. It needs
// Options.TrackEnd. Any number of processes may run it.
//
// A session's end is handled at least once, so handle must expect to see it twice. Of all
// processes, one handles it at a time. When handle returns nil, the session is deleted. If handle
// returns an error or panics, or its process dies, the end is handed out again: after LockTTL, by
// the next sweep. After EndAttempts times (with the defaults in about two minutes) it is kept
// aside, see [Manager.EndsAside].
//
// Up to EndHandlers run at the same time. HandleEnd and [Manager.Close] wait for handlers, so give
// slow work a time limit of its own, and do not call Close in a handler. The ctx of a handler ends
// only if it has lost its claim, as when Redis cannot be reached for LockTTL: then another process
// may be handling the same session.
func (m *Manager) HandleEnd(ctx context.Context, handle func(ctx context.Context, e Ended) error) error {
	switch {
	case handle == nil:
		return errors.New("session: HandleEnd needs a function")
	case !m.options.TrackEnd:
		return errors.New("session: HandleEnd needs Options.TrackEnd, in all programs that save or end sessions")
	}
	err := m.ends.Handle(ctx, func(ctx context.Context, c store.Claimed) error { return m.observedEnd(ctx, c, handle) })
	return translate(opHandleEnd, err)
}

// EndsAside yields the sessions whose end was handed out EndAttempts times in vain. They are kept
// for an operator, who can look at them and call [Manager.ReplayEnd] or [Manager.DropEnd]. A session that cannot be
// read comes with an error and with nothing but its handle; [Manager.DropEnd] takes it away. An error of Redis comes with an empty
// Ended, and ends the iteration.
func (m *Manager) EndsAside(ctx context.Context) iter.Seq2[Ended, error] {
	return func(yield func(Ended, error) bool) {
		for c, err := range m.ends.Aside(ctx) {
			if err != nil {
				yield(Ended{}, m.failed(ctx, opHandleEnd, err))
				return
			}
			if !yield(m.aside(c)) {
				return
			}
		}
	}
}

// EndAside returns the end with that handle, if it is kept aside, as [Manager.EndsAside] does. It is
// [ErrUnknown] if it is not there. An end that cannot be read comes with an error, and with nothing but its
// handle. Any other error comes with an empty Ended.
func (m *Manager) EndAside(ctx context.Context, handle string) (Ended, error) {
	switch {
	case !credential.ValidHandle(handle):
		return Ended{}, ErrUnknown
	case m.tasks.Closed():
		return Ended{}, ErrClosed
	}
	c, found, err := m.ends.OneAside(ctx, handle)
	if err := m.foundAside(ctx, found, err); err != nil {
		return Ended{}, err
	}
	return m.aside(c)
}

// aside returns an end that is kept aside, and why it cannot be read if it cannot.
func (m *Manager) aside(c store.Claimed) (Ended, error) {
	err := c.Err
	if errors.Is(err, store.ErrFormat) {
		err = opError(opHandleEnd, fmt.Errorf("session %s: %w", c.Handle, err))
	}
	return m.ended(c), err
}

// ReplayEnd hands out an end again that was kept aside, from its first attempt on. It returns
// [ErrUnknown] if it is not there.
func (m *Manager) ReplayEnd(ctx context.Context, e Ended) error {
	found, err := m.ends.Replay(ctx, e.Handle)
	return m.foundAside(ctx, found, err)
}

// DropEnd deletes an end that was kept aside, and the session's data. No handler gets it. It returns
// [ErrUnknown] if it is not there.
func (m *Manager) DropEnd(ctx context.Context, e Ended) error {
	found, err := m.ends.Drop(ctx, e.Handle)
	return m.foundAside(ctx, found, err)
}

func (m *Manager) foundAside(ctx context.Context, found bool, err error) error {
	switch {
	case err != nil:
		return m.failed(ctx, opHandleEnd, err)
	case !found:
		return ErrUnknown
	}
	return nil
}
