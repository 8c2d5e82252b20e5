package session

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/store"
)

// Info describes a live session to an operator, or to its user.
type Info struct {
	// Handle names the session, as [Session.Handle] does. It opens nothing: a page or a log may
	// show it.
	Handle string

	Principal string
	CreatedAt time.Time

	// AuthenticatedAt is when the principal signed in or was asked for a password again; the
	// zero time if there is no principal, and if nobody knows: see [Adapter.TakenOver].
	AuthenticatedAt time.Time

	Idle time.Duration // since its last request
	Left time.Duration // until it expires, unless there is a request
	Size int           // bytes in keys and encoded values

	// HeldFor is how long ago the request that holds the session asked for it, by the clock of its
	// process. It is 0 if no request holds the session.
	HeldFor time.Duration

	// Session has the values that were asked for, if they exist, for [Get] and [Key]. It is [ReadOnly].
	Session *Session

	m *Manager
}

// End ends the session, as [Manager.EndHandle] does.
func (i Info) End(ctx context.Context) error {
	if i.m == nil {
		return ErrUnknown
	}
	return i.m.end(ctx, i.Handle, store.Retirement{Reason: string(Operator), Any: true})
}

// Format prints the handle and the principal, and nothing that opens the session.
func (i Info) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Info{Handle: %q, Principal: %q}", i.Handle, i.Principal)
}

// info describes a session that was found. Of one that cannot be read it has nothing but the handle.
func (m *Manager) info(i store.Inspected) (Info, error) {
	if err := m.readable(i); err != nil {
		return Info{Handle: i.Handle, Session: m.snapshot(i.Handle, store.Meta{}, nil), m: m}, err
	}
	info := Info{
		Session: m.snapshot(i.Handle, i.Meta, i.Fields),
		Handle:  i.Handle, Principal: i.Meta.Principal, CreatedAt: i.Meta.Created,
		Idle: i.Idle, Left: i.Left, Size: i.Size, m: m,
	}
	info.Session.expires = time.Now().Add(i.Left)
	if i.Meta.Principal != "" {
		info.AuthenticatedAt = i.Meta.Extras.Authenticated
	}
	if i.Lease != "" {
		info.HeldFor = max(time.Millisecond, time.Since(store.MadeAt(i.Lease)))
	}
	return info, nil
}

// Sessions yields every live session of the application, in no order, with the values under the given
// keys in [Info.Session]. That does not start their idle time anew. It scans Redis in small steps, and all masters of a cluster. A session that is
// created or ends meanwhile may or may not be among them, and one may come twice.
//
// A session that cannot be read, or is [ErrForged], comes with an error, and with nothing but its
// handle, by which it can be ended. An error of Redis comes with an empty Info, and ends the
// iteration.
func (m *Manager) Sessions(ctx context.Context, keys ...string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := mayLoad(keys)
		if m.tasks.Closed() {
			err = ErrClosed
		}
		if err != nil {
			yield(Info{}, err)
			return
		}
		for found, err := range m.store.Scan(ctx, credential.ValidHandle, keys, m.repeat(ctx)) {
			if err != nil {
				yield(Info{}, m.failed(ctx, opList, err))
				return
			}
			if !yield(m.info(found)) {
				return
			}
		}
	}
}

// snapshot is a session that was read for somebody who does not hold it.
func (m *Manager) snapshot(handle string, meta store.Meta, fields map[string]string) *Session {
	return &Session{m: m, content: content{
		access: ReadOnly, handle: handle,
		draft:  draft.Of(meta),
		values: m.coding.Load(handle, fields),
	}}
}

// mayLoad returns why the values under keys cannot be asked for, nil if they can.
func mayLoad(keys []string) error {
	const most = 1000
	if len(keys) > most {
		return fmt.Errorf("session: the values under %d keys are asked for: it must be %d at most", len(keys), most)
	}
	for _, key := range keys {
		if err := validKey(key); err != nil {
			return err
		}
	}
	return nil
}

// readable returns why a session that was found cannot be described.
func (m *Manager) readable(i store.Inspected) error {
	if i.Err != nil {
		return &OpError{Op: opList, Err: fmt.Errorf("session %s: %w", i.Handle, i.Err)}
	}
	return m.verify(i.MAC, i.Handle, i.Proof, i.Meta)
}

var _ fmt.Formatter = Info{}
