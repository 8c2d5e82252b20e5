package lease

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
)

// A waiter is woken by a message. Messages may get lost, so it also looks at Redis itself, after a
// pause. The first pause is firstLook. Each one is twice as long as the one before, but not longer
// than lastLook. If the subscription stands, every pause is lastLookReady. Each pause is cut by up to
// a half at random.
//
// GRACE, in lua/lib.lua of package store, is how long a lease that was handed over waits for its
// owner. It must be at least twice lastLookReady.
const (
	firstLook     = 5 * time.Millisecond
	lastLook      = 25 * time.Millisecond
	lastLookReady = 250 * time.Millisecond
)

// take takes the lease, and loads the session with it. The status is Busy if it was not to wait.
func (a *acquisition) take() (store.Loaded, error) {
	ls := a.leases
	a.queueing = store.Queue
	if ls.Wait < 0 {
		a.queueing = store.Once
	}
	a.token = ls.Process.Token()
	defer a.stopListening()
	look, looked := firstLook, false
	for {
		l, err := a.try()
		if err != nil || l.Status != store.Busy || a.queueing == store.Once {
			if looked && err == nil {
				ls.Waker.Missed()
			}
			return l, err
		}
		ctx := a.waitContext()
		a.queueing = store.Again
		a.pass.Vouch(a.proof) // Redis has compared it
		a.pass.Waits(ls.MaxWaiters)
		a.listen()

		limit := lastLook
		if ls.Waker.Ready(a.handle) {
			look, limit = lastLookReady, lastLookReady
		}
		pause := look/2 + rand.N(look/2) //nolint:gosec // no secret depends on it
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

// listen has this request woken when its token was handed the lease.
func (a *acquisition) listen() {
	if a.woken == nil {
		a.woken = a.leases.Waker.Register(a.handle, a.token)
	}
}

func (a *acquisition) stopListening() {
	if a.woken != nil {
		a.leases.Waker.Unregister(a.token)
		a.woken = nil
	}
}

// TimeoutError says that another request had the session for longer than Wait.
type TimeoutError struct {
	Waited time.Duration
	Full   bool // MaxWaiters requests of this process waited already
}

func (e *TimeoutError) Error() string { return "held by another request" }

// errWait is the cause that ends a wait after Wait.
var errWait = errors.New("the longest wait has passed")

// waitContext returns the context of waiting. It ends with the request, with the tasks, or after
// Wait by the cause errWait.
func (a *acquisition) waitContext() context.Context {
	if a.waiting != nil {
		return a.waiting
	}
	ls := a.leases
	waiting, cancel := context.WithCancelCause(a.ctx)
	closing := ls.Tasks.Context()
	unbind := context.AfterFunc(closing, func() { cancel(context.Cause(closing)) })
	var timer *time.Timer
	if ls.Wait > 0 {
		timer = time.AfterFunc(ls.Wait-time.Since(a.began), func() { cancel(errWait) })
	}
	a.waiting = waiting
	ls.waiting.Add(1)
	a.free = func() {
		unbind()
		if timer != nil {
			timer.Stop()
		}
		cancel(context.Canceled)
	}
	return waiting
}

// end frees what waiting has needed.
func (a *acquisition) end() {
	if a.waiting != nil {
		a.free()
		a.leases.waiting.Add(-1)
		a.leases.OnWaited(a.ctx, time.Since(a.began))
	}
}

// gaveUp turns what ended a wait into the caller's error.
func (a *acquisition) gaveUp(err error) error {
	full := errors.Is(err, gate.ErrFull)
	if !full && !errors.Is(err, errWait) {
		return err
	}
	return &TimeoutError{Waited: time.Since(a.began), Full: full && a.leases.Wait > 0}
}
