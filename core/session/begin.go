package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
)

// Begin loads the session of that ID, and locks it if access is [Exclusive]. An ID
// that is empty, malformed, unknown or expired gives a new session, under an ID
// of its own that is made when it is first saved; an empty or malformed one costs no
// call to Redis.
//
// Every session must be given up by [Session.Commit] or [Session.Rollback].
//
// The error is [ErrLockTimeout] if the session was held for longer than LockWait,
// [ErrClosed] after Close, an [*OpError] if Redis failed (with FailSilently there is
// a detached session instead), or what ended ctx.
func (m *Manager) Begin(ctx context.Context, id string, access Access) (*Session, error) {
	s, err := m.begin(ctx, id, access)
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

// Do begins a session, calls f and commits; if f returns an error or panics, the
// session is rolled back. It is for work outside HTTP: jobs, sockets.
//
// With an ID, the session must exist, so that no work is done on one that nobody
// will find: f is not called, and the error is [ErrUnknown], or [ErrEnded] for a
// session that was ended or rotated a moment ago. With the ID "" f gets a new
// session. Other errors are f's own and those of [Manager.Begin] and [Session.Commit].
//
// Do not call it from a handler for the handler's own session: an [Exclusive] one
// would wait for itself.
func (m *Manager) Do(ctx context.Context, id string, access Access, f func(s *Session) error) error {
	s, err := m.Begin(ctx, id, access)
	if err != nil {
		return err
	}
	defer s.Rollback(ctx)
	switch {
	case id != "" && s.IsNew():
		return ErrUnknown
	case id != "" && s.isRetired():
		return ErrEnded
	}
	if err := f(s); err != nil {
		return err
	}
	return s.Commit(ctx)
}

func (m *Manager) begin(ctx context.Context, id string, access Access) (*Session, error) {
	switch {
	case m.ctx.Err() != nil:
		return nil, ErrClosed
	case access < Exclusive || access > None:
		return nil, fmt.Errorf("session: Begin with %v: it must be Exclusive, Shared, ReadOnly or None", access)
	case access == None:
		return &Session{m: m, access: access, detached: unused}, nil
	case !validID(id):
		return m.fresh(access), nil
	case access == Exclusive:
		return m.lock(ctx, id)
	}

	key := m.key(id)
	var loaded store.Loaded
	err := m.call(ctx, opBegin, func(int) (err error) {
		loaded, err = m.store.Load(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m.found(ctx, id, key, access, loaded), nil
}

// fresh returns a new session. It gets its ID when it is saved, so that a request
// that never saves one costs no random bits.
func (m *Manager) fresh(access Access) *Session {
	return &Session{m: m, access: access, isNew: true, timeout: m.options.Timeout}
}

// found returns the session that Redis answered with.
func (m *Manager) found(ctx context.Context, id, key string, access Access, l store.Loaded) *Session {
	switch l.Status {
	case store.Done:
	case store.Retired:
		m.stats.detached.Add(1)
		return &Session{m: m, access: access, detached: retired, timeout: m.options.Timeout}
	default:
		return m.fresh(access)
	}
	s := &Session{
		m: m, access: access, id: id, key: key,
		meta: l.Meta, timeout: l.Meta.Timeout, principal: l.Meta.Principal, stored: l.Fields,
	}
	s.tend(ctx)
	return s
}

// tend does what is due for a session that was used: most of them need nothing. What
// fails here is reported, and tried again by the next request.
func (s *Session) tend(ctx context.Context) {
	if s.m.options.TrackEnd && s.meta.Extras.Retention == 0 {
		s.track(ctx)
	}
	if s.meta.Extras.Companion {
		s.m.touchCompanion(ctx, s.id, s.meta, s.access == Exclusive)
	}
	if s.principal != "" && time.Since(s.meta.Extras.Listed) >= s.timeout {
		s.m.relist(s.key, s.meta)
	}
}

// lock waits for the lease of a session and loads it.
//
// In this process, waiters pass a gate one by one, so that one of them at most
// talks to Redis. There it stands in a queue across processes, and is told by
// a message when its turn has come. Since messages get lost, it also looks for
// itself: soon and then less often.
func (m *Manager) lock(ctx context.Context, id string) (*Session, error) {
	w := &wait{m: m, ctx: ctx, began: time.Now()}
	defer w.end()
	key := m.key(id)
	pass := m.gates.TryEnter(key)
	if pass == nil {
		if m.options.LockWait < 0 {
			return nil, w.gaveUp(errLockWait)
		}
		var err error
		if pass, err = m.gates.Enter(w.context(), key, m.options.MaxWaiters); err != nil {
			return nil, w.gaveUp(err)
		}
	}
	token := m.process.Token()
	l, asked, err := m.acquire(w, pass, key, token)
	switch {
	case err != nil:
		pass.Leave()
		m.release(key, token)
		return nil, w.gaveUp(err)
	case l.Status == store.Busy: // and it was not to wait
		pass.Leave()
		return nil, w.gaveUp(errLockWait)
	}
	s := m.found(ctx, id, key, Exclusive, l)
	if l.Status != store.Done {
		pass.Leave() // the script left no lock behind, but for one case
		if l.Gone {
			m.release(key, token)
		}
		return s, nil
	}
	s.lease = m.hold(s, l.Keys, token, pass, asked)
	return s, nil
}

// errLockWait is the cause that ends a wait after LockWait.
var errLockWait = errors.New("LockWait has passed")

// wait is the waiting of one request for a lease. Most requests never wait, so it
// costs next to nothing until they do.
type wait struct {
	m       *Manager
	ctx     context.Context // the request's
	began   time.Time
	waiting context.Context // nil before the first wait
	free    func()
}

// context ends with the request, with the manager, or after LockWait with the
// cause errLockWait.
func (w *wait) context() context.Context {
	if w.waiting != nil {
		return w.waiting
	}
	waiting, cancel := context.WithCancelCause(w.ctx)
	unbind := context.AfterFunc(w.m.ctx, func() { cancel(ErrClosed) })
	var timer *time.Timer
	if w.m.options.LockWait > 0 {
		timer = time.AfterFunc(w.m.options.LockWait-time.Since(w.began), func() { cancel(errLockWait) })
	}
	w.waiting = waiting
	w.free = func() {
		unbind()
		if timer != nil {
			timer.Stop()
		}
		cancel(context.Canceled)
	}
	return waiting
}

func (w *wait) end() {
	if w.waiting == nil {
		return
	}
	w.free()
	w.m.stats.lockWaits.Add(1)
	w.m.stats.lockWaitTime.Add(int64(time.Since(w.began)))
}

// gaveUp turns what ended a wait into the caller's error.
func (w *wait) gaveUp(err error) error {
	full := errors.Is(err, gate.ErrFull)
	if !full && !errors.Is(err, errLockWait) {
		return err
	}
	timeout := &LockTimeoutError{
		Waited:   time.Since(w.began),
		LockWait: w.m.options.LockWait,
		LockTTL:  w.m.options.LockTTL,
		Full:     full,

		MaxWaiters: w.m.options.MaxWaiters,
	}
	w.m.stats.lockTimeouts.Add(1)
	if hook := w.m.options.Hooks.OnLockNotAcquired; hook != nil {
		hook(w.ctx, timeout)
	}
	return timeout
}

// How long a waiter goes without looking at Redis itself: from firstLook on,
// doubling, with a jitter of a half. Where the subscription stands it is there
// for lost messages only. All of it is well below the time for which a lease that
// was handed over waits for its owner (GRACE in lua/lib.lua).
const (
	firstLook     = 5 * time.Millisecond
	lastLook      = 25 * time.Millisecond
	lastLookReady = 250 * time.Millisecond
)

// acquire takes the lease for a token, and the session with it. It also returns
// when it asked for it: the lease may be that old. Only its waiting is bounded by
// LockWait; calls to Redis have RetryTimeout. If it was not to wait, the status may
// be Busy.
func (m *Manager) acquire(w *wait, pass *gate.Pass, key, token string) (l store.Loaded, asked time.Time, err error) {
	queueing := store.Queue
	if m.options.LockWait < 0 {
		queueing = store.Once
	}
	var woken <-chan struct{}
	look, looked := firstLook, false
	for {
		err = m.call(w.ctx, opBegin, func(attempt int) (err error) {
			if attempt > 0 && queueing == store.Queue {
				queueing = store.Again // an earlier try may have queued the token
			}
			asked = time.Now()
			l, err = m.store.Begin(w.ctx, key, token, queueing)
			return err
		})
		if err != nil || l.Status != store.Busy || queueing == store.Once {
			if looked && err == nil {
				m.waker.Missed()
			}
			return l, asked, err
		}
		ctx := w.context()
		queueing = store.Again
		if woken == nil {
			pass.Waits(m.options.MaxWaiters)
			woken = m.waker.Register(key, token)
			defer m.waker.Unregister(token)
		}

		limit := lastLook
		if m.waker.Ready(key) {
			look, limit = lastLookReady, lastLookReady
		}
		pause := look/2 + rand.N(look/2)
		look = min(2*look, limit)
		timer := time.NewTimer(pause)
		looked = false
		select {
		case <-woken:
			timer.Stop()
		case <-timer.C:
			looked = true
		case <-ctx.Done():
			timer.Stop()
			return l, asked, context.Cause(ctx)
		}
	}
}

// release gives up what a begin that failed may have left behind: the lease,
// where only the reply was lost, or a place in the queue for it. If that fails
// too, the lease runs out.
func (m *Manager) release(key, token string) {
	m.cleanup(opBegin, func(ctx context.Context) error {
		_ = m.store.Release(ctx, key, token)
		return nil
	})
}
