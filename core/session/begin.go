package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Begin loads the session of that ID, and locks it if access is [Exclusive]. An ID
// that is empty, malformed, unknown or expired gives a new session, under an ID
// of its own that is made when it is first saved; an empty or malformed one costs no
// call to Redis. The ID of a session that an operator or a newer sign-in has ended gives a new
// session too: [Session.PreviousEnd] tells why. An ID that was rotated or abandoned in the last minute gives a
// detached session.
//
// Every session must be given up by [Session.Commit] or [Session.Rollback].
//
// The error is [ErrLockTimeout] if the session was held for longer than LockWait,
// [ErrForged] if its facts do not go with the encryption keys,
// [ErrClosed] after Close, an [*OpError] if Redis failed (with FailSilently there is
// a detached session instead), or what ended ctx.
func (m *Manager) Begin(ctx context.Context, id string, access Access) (*Session, error) {
	if !validID(id) {
		return m.open(ctx, opening{}, access)
	}
	return m.open(ctx, opening{handle: handleOf(id), id: id, proof: proofOf(id)}, access)
}

// opening is what a session is begun with.
type opening struct {
	handle string
	id     string // "" for who has the handle alone, and may
	proof  string // "" then
}

func (m *Manager) open(ctx context.Context, o opening, access Access) (*Session, error) {
	s, err := m.begin(ctx, o, access)
	if err == nil {
		m.stats.begun.Add(1)
		return s, nil
	}
	if errors.Is(err, ErrClosed) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, err // nothing has failed: the caller or the request went away
	}
	m.fail(ctx, err)
	if !m.silenced(err) || ctx.Err() != nil {
		return nil, err
	}
	m.stats.begun.Add(1)
	m.stats.detached.Add(1)
	return &Session{m: m, access: access, detached: outage, err: err}, nil
}

func (m *Manager) begin(ctx context.Context, o opening, access Access) (*Session, error) {
	switch {
	case m.ctx.Err() != nil:
		return nil, ErrClosed
	case access < Exclusive || access > None:
		return nil, fmt.Errorf("session: Begin with %v: it must be Exclusive, Shared, ReadOnly or None", access)
	case access == None:
		return &Session{m: m, access: access, detached: unused}, nil
	case o.handle == "":
		return m.fresh(access), nil
	case access == Exclusive:
		return m.lock(ctx, o)
	}
	l, err := m.load(ctx, o)
	if err != nil {
		return nil, err
	}
	return m.found(ctx, o, access, l), nil
}

func (m *Manager) load(ctx context.Context, o opening) (l store.Loaded, err error) {
	err = m.call(ctx, opBegin, func(int) (err error) {
		l, err = m.store.Load(ctx, o.handle, o.proof)
		return err
	})
	if err == nil {
		err = m.verify(o.handle, l)
	}
	return l, err
}

// verify returns ErrForged if what was loaded is not what berth has written.
func (m *Manager) verify(handle string, l store.Loaded) error {
	if m.sealer == nil || l.Status != store.Done || m.sealer.verify(l.MAC, handle, l.Proof, l.Meta.Principal, l.Meta.Extras.Authenticated) {
		return nil
	}
	return forged(handle)
}

// forged is [ErrForged] of a session.
func forged(handle string) error { return fmt.Errorf("%w (session %s)", ErrForged, handle) }

// lock waits for the lease of a session and loads it.
//
// In this process, waiters pass a gate one by one, so that one of them at most
// talks to Redis. There it stands in a queue across processes, and is told by
// a message when its turn has come. Since messages get lost, it also looks for
// itself: soon and then less often.
//
// Whoever knows the handle alone must not keep its user waiting. So where the gate is taken, only
// those stand in line who are known to have the secret.
func (m *Manager) lock(ctx context.Context, o opening) (*Session, error) {
	a := &acquisition{wait: wait{m: m, ctx: ctx, began: time.Now()}, opening: o}
	defer a.end()
	if a.pass = m.gates.TryEnter(o.handle); a.pass == nil {
		if o.proof != "" && !m.gates.Knows(o.handle, o.proof) {
			l, err := m.load(ctx, o)
			if err != nil {
				return nil, err
			}
			if l.Status != store.Done {
				return m.found(ctx, o, Exclusive, l), nil
			}
		}
		limit := m.options.MaxWaiters
		if m.options.LockWait < 0 {
			limit = 0
		}
		var err error
		if a.pass, err = m.gates.Enter(a.context(), o.handle, limit); err != nil {
			return nil, a.gaveUp(err)
		}
	}
	given := false
	defer func() {
		if !given { // a hook has panicked, or there is no lease to give
			a.pass.Leave()
			m.release(o.handle, a.token)
		}
	}()
	l, err := a.acquire()
	if err == nil {
		err = m.verify(o.handle, l)
	}
	switch {
	case err != nil:
		return nil, a.gaveUp(err)
	case l.Status == store.Busy: // and it was not to wait
		given = true
		a.pass.Leave()
		return nil, a.gaveUp(errLockWait)
	}
	s := m.found(ctx, o, Exclusive, l)
	if l.Status != store.Done {
		given = !l.Gone // the script left no lock behind, but for one case
		a.pass.Leave()
		return s, nil
	}
	given = true
	a.pass.Vouch(l.Proof)
	s.lease = m.hold(s, l.Keys, a.token, a.pass, a.asked)
	return s, nil
}

// release gives up what a begin that failed may have left behind: the lease,
// where only the reply was lost, or a place in the queue for it. If that fails
// too, the lease runs out.
func (m *Manager) release(handle, token string) {
	m.cleanup(opBegin, func(ctx context.Context) error {
		_ = m.store.Release(ctx, handle, token)
		return nil
	})
}

// fresh returns a new session. It gets its ID when it is saved, so that a request
// that never saves one costs no random bits.
func (m *Manager) fresh(access Access) *Session {
	return &Session{m: m, access: access, isNew: true, timeout: m.options.Timeout}
}

// found returns the session that Redis answered with.
func (m *Manager) found(ctx context.Context, o opening, access Access, l store.Loaded) *Session {
	s := m.fresh(access)
	switch why := Reason(l.Reason); {
	case l.Status == store.Done:
		s.isNew, s.trusted = false, o.proof == ""
		s.handle, s.id, s.proof, s.began = o.handle, o.id, l.Proof, l.Proof
		s.meta, s.timeout, s.principal, s.stored = l.Meta, l.Meta.Timeout, l.Meta.Principal, l.Fields
		s.tend(ctx)
	case l.Status == store.Rotated:
		m.stats.detached.Add(1)
		s.isNew, s.detached = false, rotated
	case l.Status == store.Retired && (why == Operator || why == Replaced):
		// Whoever was ended by another may come again at once.
		s.previous = why
	case l.Status == store.Retired:
		m.stats.detached.Add(1)
		s.isNew, s.detached = false, ended
	}
	return s
}

// tend does what is due for a session that was used: most of them need nothing. What
// fails here is reported, and tried again by the next request.
func (s *Session) tend(ctx context.Context) {
	if s.m.options.TrackEnd && s.meta.Extras.Retention == 0 {
		s.track(ctx)
	}
	if s.meta.Extras.Companion {
		s.m.report(ctx, opCompanion, s.touchCompanion(ctx))
	}
	if s.principal != "" && time.Since(s.meta.Extras.Listed) >= s.timeout {
		s.m.relist(s.handle, s.meta)
	}
}
