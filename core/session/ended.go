package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Ended is a session that has ended, as [Manager.HandleEnd] hands it out.
type Ended struct {
	// Handle was the session's handle.
	Handle string

	// Session has the values that the last commit left, for [Get] and [Key]. It is
	// [ReadOnly].
	Session *Session

	// NoData tells that there are no values any more: the session's end was not
	// handled within EndRetention, or Redis lost them. Only Handle, EndedAt and Attempt
	// are known then, and [Get] returns [ErrNoValue]. It is handed out a minute after it
	// was found, as a session that is about to be saved looks the same; one whose
	// process died right then, before it was saved, comes as such too.
	NoData bool

	Principal string
	Reason    Reason
	CreatedAt time.Time

	// AuthenticatedAt is when the principal signed in or was asked for a password again; the
	// zero time if there is no principal.
	AuthenticatedAt time.Time

	LastUsed time.Time // the last request, by Redis's reckoning of its idle time
	EndedAt  time.Time // the deadline that passed, or when it was ended

	// Attempt counts from 1 how often this end was handed out.
	Attempt int
}

// Format prints the handle, the reason and the attempt, and no value.
func (e Ended) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Ended{Handle: %q, Reason: %q, Attempt: %d}", e.Handle, e.Reason, e.Attempt)
}

func (m *Manager) ended(c store.Claimed) Ended {
	s := &Session{m: m, access: ReadOnly, handle: c.Handle, principal: c.Meta.Principal, stored: c.Fields}
	s.meta.Created = c.Meta.Created
	e := Ended{
		Handle: c.Handle, Session: s, NoData: c.Meta.Reason == string(Unknown),
		Principal: c.Meta.Principal, Reason: Reason(c.Meta.Reason),
		CreatedAt: c.Meta.Created, LastUsed: c.Meta.Used, EndedAt: c.Meta.Ended, Attempt: c.Meta.Attempt,
	}
	if e.Principal != "" {
		e.AuthenticatedAt, s.meta.Extras.Authenticated = c.Meta.Authenticated, c.Meta.Authenticated
	}
	return e
}

// genuine tells whether an ended session is what berth has written; one without data says
// nothing of whose it was.
func (m *Manager) genuine(c store.Claimed) bool {
	return m.sealer == nil || c.Meta.Reason == string(Unknown) && c.Meta.Principal == "" && len(c.Fields) == 0 ||
		m.sealer.verify(c.MAC, c.Handle, c.Proof, c.Meta.Principal, c.Meta.Authenticated)
}

// EndsAside yields the sessions whose end was handed out EndAttempts times in vain and
// is kept aside, for an operator to look at and to [Manager.ReplayEnd]. An error comes
// with an Ended that has no more than its handle, for one that cannot be read; one of Redis
// comes with an empty Ended, and ends the iteration.
func (m *Manager) EndsAside(ctx context.Context) iter.Seq2[Ended, error] {
	return func(yield func(Ended, error) bool) {
		for bucket := range store.Buckets {
			handles, err := m.store.Aside(ctx, bucket)
			for i := 0; err == nil && i < len(handles); i++ {
				c := m.store.Look(ctx, handles[i])
				switch {
				case errors.Is(c.Err, store.ErrFormat):
					if !yield(Ended{Handle: c.Handle}, &OpError{Op: opHandleEnd, Err: c.Err}) {
						return
					}
				case c.Err != nil:
					err = c.Err
				case !m.genuine(c):
					if !yield(Ended{Handle: c.Handle}, forged(c.Handle)) {
						return
					}
				case !yield(m.ended(c), nil):
					return
				}
			}
			if err != nil {
				err = &OpError{Op: opHandleEnd, Err: err}
				m.fail(ctx, err)
				yield(Ended{}, err)
				return
			}
		}
	}
}

// ReplayEnd has a session that is kept aside handed out again, from its first attempt
// on. It returns [ErrUnknown] if it is not there.
func (m *Manager) ReplayEnd(ctx context.Context, e Ended) error {
	var status store.Status
	err := m.call(ctx, opHandleEnd, func(int) (err error) {
		status, err = m.store.Replay(ctx, e.Handle)
		return err
	})
	switch {
	case err != nil:
		m.fail(ctx, err)
		return err
	case status != store.Done:
		return ErrUnknown
	}
	m.enders.poke(store.Bucket(e.Handle))
	return nil
}
