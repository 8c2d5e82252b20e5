package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Info describes a live session to an operator, or to the user whose it is.
type Info struct {
	// Handle names the session without being its ID: it opens nothing, so that
	// a page or a log may show it. [Session.Handle] is the same for the same session. It
	// changes with the ID: with Rotate and with a sign-in.
	Handle string

	Principal string
	CreatedAt time.Time
	Idle      time.Duration // since its last request; with MaxLifetime set, at most this
	Left      time.Duration // until it expires, unless there is a request
	Size      int           // bytes in keys and encoded values

	// HeldFor is how long ago the request asked for the session that holds it, by the
	// clock of that process; 0 if none does.
	HeldFor time.Duration

	m   *Manager
	key string
}

// End ends the session, as [Manager.End] does.
func (i Info) End(ctx context.Context) error {
	if i.m == nil {
		return ErrUnknown
	}
	err := i.m.endKey(ctx, i.key, Operator)
	if err == nil {
		i.m.unlist(i.Principal, i.key)
	}
	return err
}

// Format prints the handle and the principal, and nothing that opens the session.
func (i Info) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Info{Handle: %q, Principal: %q}", i.Handle, i.Principal)
}

// Handle names the session without being its ID, as [Info] does; "" for one that was
// not saved yet. After Rotate or a sign-in it is another one from the commit on.
func (s *Session) Handle() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.id == "":
		return ""
	case s.ended:
		return handle(s.key)
	}
	return handle(s.m.key(s.id))
}

// handle is 80 bits of a hash that is not the one of Options.HashIDs.
func handle(key string) string {
	sum := sha256.Sum256([]byte("handle of " + key))
	return encodeID(sum[:idLength])[:16]
}

func (m *Manager) info(i store.Inspected) Info {
	info := Info{
		Handle: handle(i.ID), Principal: i.Meta.Principal, CreatedAt: i.Meta.Created,
		Idle: i.Idle, Left: i.Left, Size: i.Size, m: m, key: i.ID,
	}
	if i.Lease != "" {
		info.HeldFor = max(time.Millisecond, time.Since(store.MadeAt(i.Lease)))
	}
	return info
}

// Sessions yields every live session of the application, in no order, without being a
// use of any. It scans Redis, all masters of a cluster, in small steps. A session that
// is created or ends meanwhile may or may not be among them, and one may come twice.
// The iteration ends with the first error, which comes with an Info that is empty.
func (m *Manager) Sessions(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if m.ctx.Err() != nil {
			yield(Info{}, ErrClosed)
			return
		}
		for found, err := range m.store.Scan(ctx, validID) {
			switch {
			case err != nil:
				err = &OpError{Op: opList, Err: err}
				m.fail(ctx, err)
				yield(Info{}, err)
				return
			case !yield(m.info(found), nil):
				return
			}
		}
	}
}

var _ fmt.Formatter = Info{}
