package lease

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
)

// TimeoutError says that another request had the session for longer than Wait.
type TimeoutError struct {
	Waited time.Duration
	Full   bool // MaxWaiters requests of this process waited already
}

func (e *TimeoutError) Error() string { return "held by another request" }

// errWait is the cause that ends a wait after Wait.
var errWait = errors.New("the longest wait has passed")

// patience returns the context of waiting. It ends with the request, with the tasks, or after
// Wait by the cause errWait.
func (a *acquisition) patience() context.Context {
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
		a.leases.Waited(time.Since(a.began))
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
