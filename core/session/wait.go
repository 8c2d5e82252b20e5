package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
)

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
		Full:     full && w.m.options.LockWait > 0,

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

// acquisition is how one request, which has passed the gate, gets the lease.
type acquisition struct {
	wait
	opening
	pass *gate.Pass // nil before it has passed

	queueing store.Queueing
	token    string          // of the last try
	asked    time.Time       // when that was sent: the lease may be that old
	woken    <-chan struct{} // nil until the request waits
}

// acquire takes the lease, and the session with it. Only its waiting is bounded by
// LockWait; calls to Redis have RetryTimeout. If it was not to wait, the status may
// be Busy.
func (a *acquisition) acquire() (l store.Loaded, err error) {
	m := a.m
	a.queueing = store.Queue
	if m.options.LockWait < 0 {
		a.queueing = store.Once
	}
	a.token = m.process.Token()
	defer a.stopListening()
	look, looked := firstLook, false
	for {
		l, err = a.try()
		if err != nil || l.Status != store.Busy || a.queueing == store.Once {
			if looked && err == nil {
				m.waker.Missed()
			}
			return l, err
		}
		ctx := a.context()
		a.queueing = store.Again
		a.pass.Vouch(a.proof) // Redis has compared it
		a.pass.Waits(m.options.MaxWaiters)
		a.listen()

		limit := lastLook
		if m.waker.Ready(a.handle) {
			look, limit = lastLookReady, lastLookReady
		}
		pause := look/2 + rand.N(look/2)
		look = min(2*look, limit)
		timer := time.NewTimer(pause)
		looked = false
		select {
		case <-a.woken:
			timer.Stop()
		case <-timer.C:
			looked = true
		case <-ctx.Done():
			timer.Stop()
			return l, context.Cause(ctx)
		}
	}
}

// try asks for the lease. Each call has a token of its own unless it is the answer to a reply:
// so one that was lost on its way, and comes when this request has long committed, takes a
// lease that nobody commits with.
func (a *acquisition) try() (l store.Loaded, err error) {
	err = a.m.call(a.ctx, opBegin, func(attempt int) (err error) {
		if attempt > 0 {
			a.stopListening()
			a.token = a.m.process.Token()
			if a.queueing == store.Queue {
				a.queueing = store.Again // an earlier try may have queued its token
			}
		}
		a.asked = time.Now()
		l, err = a.m.store.Begin(a.ctx, a.handle, a.proof, a.token, a.queueing)
		return err
	})
	return l, err
}

// listen has this request woken when its token was handed the lease.
func (a *acquisition) listen() {
	if a.woken == nil {
		a.woken = a.m.waker.Register(a.handle, a.token)
	}
}

func (a *acquisition) stopListening() {
	if a.woken != nil {
		a.m.waker.Unregister(a.token)
		a.woken = nil
	}
}
