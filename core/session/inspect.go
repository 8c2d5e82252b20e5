package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
)

// ErrCursor says that [Manager.SessionPage] got a cursor that it cannot go on from: it did not come from
// SessionPage, or its server is not a master any more. Begin again with "".
var ErrCursor = errors.New(`session: no page has that cursor, or its server is not a master any more; begin again with ""`)

// Inspection is what [Manager.Inspect] tells of one session.
type Inspection struct {
	Info

	Timeout time.Duration // the idle timeout of this session

	// Names are those of the session's values, sorted, whether the values were asked for or not.
	Names []string

	// HeldBy is the process of the request that holds the session: 16 random characters that each
	// Manager has of its own. It is "" if no request holds the session.
	HeldBy string

	// HeldHere tells whether that request is one of this Manager.
	HeldHere bool
}

// Inspect tells an operator about the live session with that handle, with the values under the given keys in
// [Info.Session]. It does not start the idle time anew, takes no lease, and waits for none. It takes two
// round trips.
//
// It is [ErrUnknown] if there is no such session. A session that cannot be read, or is [ErrForged], comes
// with an error, and with nothing but its handle, by which it can be ended. Any other error comes with an
// empty Inspection.
func (m *Manager) Inspect(ctx context.Context, handle string, keys ...string) (Inspection, error) {
	if err := mayLoad(keys); err != nil {
		return Inspection{}, err
	}
	switch {
	case !credential.ValidHandle(handle):
		return Inspection{}, ErrUnknown
	case m.tasks.Closed():
		return Inspection{}, ErrClosed
	}
	var found []store.Inspected
	var names []string
	err := m.call(ctx, opList, func(int) (err error) {
		if found, err = m.store.Inspect(ctx, []string{handle}, keys...); err != nil || found[0].Status != store.Done {
			return err
		}
		names, err = m.store.Names(ctx, handle)
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return Inspection{}, err
	}
	one := found[0]
	if one.Err == nil && one.Status != store.Done {
		return Inspection{}, ErrUnknown
	}
	info, err := m.info(one)
	if err != nil {
		return Inspection{Info: info}, err
	}
	i := Inspection{Info: info, Timeout: one.Meta.Timeout, Names: names, HeldBy: store.ProcessOf(one.Lease)}
	i.HeldHere = i.HeldBy == m.process.Name()
	return i, nil
}

// Page is what [Manager.SessionPage] returns.
type Page struct {
	Sessions []Info

	// Unreadable are sessions that cannot be read, or are [ErrForged].
	Unreadable []Unreadable

	// Next is the cursor of the next page, "" if this page is the last. It may be shown, and holds the
	// address of a server of a cluster.
	Next string
}

// Unreadable is a session of which nothing is known but its handle, by which it can be ended, and why.
type Unreadable struct {
	Handle string
	Err    error
}

// SessionPage is [Manager.Sessions] in pages, for a list with a link to the next page. The cursor of the
// first page is "", that of any other is [Page.Next] of the page before. It may come from a client.
//
// A page has about 50 sessions. It looks at about 10,000 keys of Redis at most, so if there are many other
// keys, a page has fewer sessions or none, though there are more.
//
// The error is [ErrCursor] if there is no such page, or an [*OpError].
func (m *Manager) SessionPage(ctx context.Context, cursor string, keys ...string) (Page, error) {
	if err := mayLoad(keys); err != nil {
		return Page{}, err
	}
	if m.tasks.Closed() {
		return Page{}, ErrClosed
	}
	found, next, err := m.store.Page(ctx, credential.ValidHandle, cursor, keys, m.repeat(ctx))
	switch {
	case errors.Is(err, store.ErrCursor):
		return Page{}, ErrCursor
	case err != nil:
		return Page{}, m.failed(ctx, opList, err)
	}
	page := Page{Next: next}
	for _, one := range found {
		info, err := m.info(one)
		if err != nil {
			page.Unreadable = append(page.Unreadable, Unreadable{one.Handle, err})
			continue
		}
		page.Sessions = append(page.Sessions, info)
	}
	return page, nil
}

// EndCounts are figures of what [Options.TrackEnd] keeps in Redis, for all processes of the application.
type EndCounts struct {
	Tracked int // sessions whose end is tracked, live or waiting to be handled
	Aside   int // ends that are kept aside, see [Manager.EndsAside]

	// Next is when the next session of Tracked is looked at: at its deadline, as far as it is known. If that
	// is long past, nobody runs [Manager.HandleEnd], or its handlers are too slow. The zero time if there is none.
	Next time.Time
}

// CountEnds counts the sessions whose ends are tracked, and the ends that are kept aside. It takes one round
// trip. The error is [ErrClosed] or an [*OpError].
func (m *Manager) CountEnds(ctx context.Context) (EndCounts, error) {
	if m.tasks.Closed() {
		return EndCounts{}, ErrClosed
	}
	var counts store.EndCounts
	err := m.call(ctx, opHandleEnd, func(int) (err error) {
		counts, err = m.store.CountEnds(ctx)
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return EndCounts{}, err
	}
	return EndCounts(counts), nil
}
