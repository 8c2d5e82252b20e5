package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/store"
)

// Begin loads the session of an ID, and locks it if access is [Exclusive]. Every session must be
// given up by [Session.Commit] or [Session.Rollback].
//
// What an ID gives:
//
//   - "" or something malformed: a new session, without a call to Redis
//   - an unknown or expired one: a new session, which gets an ID of its own when it is saved
//   - one that an operator or a newer sign-in has ended: a new session; [Session.PreviousEnd]
//     tells why
//   - one that was rotated or abandoned in the last minute: a detached session
//
// The errors are [ErrLockTimeout] if the session was held for longer than LockWait, [ErrForged]
// if its facts do not match the encryption keys, [ErrClosed] after Close, an [*OpError] if Redis
// failed, and what ended ctx. With FailSilently, a failure of Redis gives a detached session
// instead.
func (m *Manager) Begin(ctx context.Context, id string, access Access) (*Session, error) {
	if !credential.Valid(id) {
		return m.begin(ctx, opening{}, access)
	}
	return m.begin(ctx, openingOf(id), access)
}

// Request is what berth reads of an HTTP request. The strings must stay as they are after it: an adapter of a
// framework that uses its buffers again copies them.
type Request struct {
	Headers Headers

	// Method and Path go into the lines of Options.Logger about this request. A [Rule] may look at
	// them.
	Method, Path string

	// RawPath is the path as the client has encoded it, if that says more than Path; otherwise "".
	// It is that of [net/url.URL].
	RawPath string

	// Host is what the client asked for, with or without a port. If it is not this machine, and the
	// request did not come by HTTPS, berth warns once that the cookie is not Secure.
	Host string
}

// Begin is [Manager.Begin] for a middleware, with the session ID in the request's cookie or
// in Options.Header. If the request has several session cookies, as when a Domain was added or
// changed, the first of at most four with a live session counts. To find it takes one more round
// trip; one cookie takes none.
func (a Adapter) Begin(ctx context.Context, r Request, access Access) (*Session, error) {
	var o opening
	var room [4]string // on the stack
	ids := a.m.carrier.IDs(room[:0], r.Headers)
	if len(ids) > 0 {
		o = openingOf(ids[0])
	}
	if len(ids) > 1 {
		o.others = slices.Clone(ids[1:])
	}
	o.request = subject{method: r.Method, path: r.Path, host: r.Host}
	return a.m.begin(ctx, o, access)
}

// choose returns the opening of the first live session of several that a request may mean. It touches none.
func (m *Manager) choose(ctx context.Context, o opening, access Access) (opening, error) {
	if len(o.others) == 0 || access == None || m.tasks.Closed() {
		return o, nil
	}
	ids := append([]string{o.id}, o.others...)
	handles := make([]string, len(ids))
	for i, id := range ids {
		handles[i] = credential.Handle(id)
	}
	var found []store.Inspected
	err := m.call(ctx, opBegin, func(int) (err error) {
		found, err = m.store.Inspect(ctx, handles)
		return err
	})
	if err != nil {
		return o, err
	}
	for i, one := range found {
		if one.Err == nil && one.Status == store.Done && one.Proof == credential.Proof(ids[i]) {
			live := openingOf(ids[i])
			live.request, live.others = o.request, slices.Delete(ids, i, i+1)
			return live, nil
		}
	}
	return o, nil
}

func openingOf(id string) opening {
	return opening{handle: credential.Handle(id), id: id, proof: credential.Proof(id)}
}

// opening is what a session is begun with.
type opening struct {
	handle string // "" for a new session
	id     string // "" for a caller that may come with the handle alone
	proof  string // "" then

	request subject
	others  []string // the further IDs of a request with several cookies
}

// begin opens a session, and counts it.
func (m *Manager) begin(ctx context.Context, o opening, access Access) (*Session, error) {
	if access == None || m.observers.None() {
		return m.beginCounted(ctx, o, access)
	}
	return m.beginObserved(ctx, o, access)
}

func (m *Manager) beginCounted(ctx context.Context, o opening, access Access) (s *Session, err error) {
	if o, err = m.choose(ctx, o, access); err == nil {
		s, err = m.open(ctx, o, access)
	}
	if err != nil {
		return m.notBegun(ctx, o, access, err)
	}
	m.stats.begun.Add(1)
	s.opened = o
	return s, nil
}

// notBegun makes a detached session of a failure that FailSilently hides.
func (m *Manager) notBegun(ctx context.Context, o opening, access Access, err error) (*Session, error) {
	if errors.Is(err, ErrClosed) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, err // nothing has failed: the manager or the client went away
	}
	of := o.request
	of.handle = o.handle
	m.failOf(ctx, of, err)
	if !m.silenced(err) || ctx.Err() != nil {
		return nil, err
	}
	m.stats.begun.Add(1)
	m.stats.detached.Add(1)
	s := m.newSession(access)
	s.draft.New, s.detached, s.err = false, outage, err
	s.opened = o
	return s, nil
}

// open finds out how much of Redis this request needs.
func (m *Manager) open(ctx context.Context, o opening, access Access) (*Session, error) {
	switch {
	case m.tasks.Closed():
		return nil, ErrClosed
	case !access.valid():
		return nil, fmt.Errorf("session: Begin with %v: it must be Exclusive, Shared, ReadOnly, Peek or None", access)
	case access == None:
		s := m.newSession(access)
		s.draft.New, s.detached = false, unused
		return s, nil
	case o.handle == "":
		return m.newSession(access), nil
	case access == Exclusive:
		return m.acquire(ctx, o)
	}
	return m.load(ctx, o, access)
}

// acquire takes the lease of a session, and with it the session: package lease knows how.
func (m *Manager) acquire(ctx context.Context, o opening) (*Session, error) {
	held, l, err := m.leases.Acquire(ctx, o.handle, o.proof)
	if err != nil {
		return nil, m.notAcquired(ctx, o.handle, err)
	}
	given := false
	defer func() {
		if !given { // a hook has panicked
			held.Discard()
		}
	}()
	s := m.found(ctx, o, Exclusive, l)
	s.lease, given = held, true
	return s, nil
}

// notAcquired turns the error of a request that did not get the lease into that of its caller.
func (m *Manager) notAcquired(ctx context.Context, handle string, err error) error {
	var timeout *lease.TimeoutError
	if !errors.As(err, &timeout) {
		return translate(opBegin, err)
	}
	public := &LockTimeoutError{
		Handle:     handle,
		Waited:     timeout.Waited,
		LockWait:   m.options.LockWait,
		LockTTL:    m.options.LockTTL,
		MaxWaiters: m.options.MaxWaiters,
		Full:       timeout.Full,
	}
	m.stats.lockTimeouts.Add(1)
	if hook := m.options.Hooks.OnLockNotAcquired; hook != nil {
		hook(ctx, public)
	}
	return public
}

// load loads a session without its lease.
func (m *Manager) load(ctx context.Context, o opening, access Access) (*Session, error) {
	var l store.Loaded
	err := m.call(ctx, opBegin, func(int) (err error) {
		if access == Peek {
			l, err = m.store.Peek(ctx, o.handle, o.proof)
		} else {
			l, err = m.store.Load(ctx, o.handle, o.proof)
		}
		return err
	})
	if err == nil && l.Status == store.Done {
		err = m.verify(l.MAC, o.handle, l.Proof, l.Meta)
	}
	if err != nil {
		return nil, err
	}
	return m.found(ctx, o, access, l), nil
}

// newSession returns a session that is in Redis only once it is saved. It gets its ID then, so
// that a request that saves none costs no random bits.
func (m *Manager) newSession(access Access) *Session {
	return &Session{m: m, content: content{access: access, draft: draft.Fresh(&m.rules), values: m.coding.Load("", nil)}}
}

// found returns the session that Redis has answered with.
func (m *Manager) found(ctx context.Context, o opening, access Access, l store.Loaded) *Session {
	s := m.newSession(access)
	s.opened = o // what fails below is about it
	switch why := Reason(l.Reason); {
	case l.Status == store.Done:
		s.draft, s.trusted = draft.Of(l.Meta), o.proof == ""
		s.handle, s.id, s.proof, s.began = o.handle, o.id, l.Proof, l.Proof
		s.values = m.coding.Load(o.handle, l.Fields)
		if access == Peek {
			s.expires = time.Now().Add(l.Left)
		} else {
			s.tend(ctx)
		}
	case l.Status == store.Retired && (why == Operator || why == Replaced):
		s.previous = why // somebody else has ended it, so its user may go on at once
	case l.Status == store.Retired:
		s.draft.New, s.detached = false, ended
	case l.Status == store.Rotated:
		s.draft.New, s.detached = false, rotated
	}
	if s.detached != attached {
		m.stats.detached.Add(1)
	}
	return s
}

// tend does what is due for a session that was used; most of them need nothing. What fails is
// reported, and the next request does it again.
func (s *Session) tend(ctx context.Context) {
	m := s.m
	if m.options.TrackEnd && s.draft.Saved.Extras.Retention == 0 { // it was saved without TrackEnd
		tracked, err := m.ends.Track(ctx, s.handle, s.draft.Saved)
		if tracked {
			s.draft.Saved.Extras.Retention = m.options.EndRetention
		}
		s.report(ctx, opBegin, err)
	}
	if s.draft.Saved.Extras.Companion {
		s.report(ctx, opCompanion, m.companions.Touch(ctx, s.handle, s.proof, s.access == Exclusive, s.draft.Saved))
	}
	if s.draft.Principal != "" && time.Since(s.draft.Saved.Extras.Listed) >= s.draft.Timeout {
		m.principals.Relist(s.handle, s.draft.Saved)
	}
}
