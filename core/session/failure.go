package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// The operations that an [OpError] names.
const (
	opBegin    = "begin"
	opCommit   = "commit"
	opRollback = "rollback"
	opEnd      = "end"
	opList     = "list"

	opCompanion = "companion"
	opHandleEnd = "handle end"
)

// call makes a call to Redis on the schedule of RetryTimeout. It must do the same when it is
// repeated after its reply was lost.
func (m *Manager) call(ctx context.Context, op string, try func(attempt int) error) error {
	var stop <-chan struct{}
	if op == opBegin {
		stop = m.tasks.Context().Done()
	}
	return translate(op, m.caller.Call(ctx, stop, try))
}

// translate turns the errors of the rooms below into those of this package.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var failed *retry.Failure
	switch {
	case errors.As(err, &failed):
		return &OpError{Op: op, Err: failed.Err}
	case errors.Is(err, retry.ErrStopped), errors.Is(err, tasks.ErrClosed):
		return ErrClosed
	}
	return err
}

// opError is the error of an operation that failed with err, nil if it did not.
func opError(op string, err error) error {
	if err == nil {
		return nil
	}
	var failed *retry.Failure
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return &OpError{Op: op, Err: err}
}

// fail records a failure, and tells Logger and OnError, whether or not a caller gets it too.
func (m *Manager) fail(ctx context.Context, err error) {
	m.stats.errors.Add(1)
	m.lastMu.Lock()
	m.last, m.lastSet = err, time.Now()
	m.lastMu.Unlock()
	m.options.Logger.ErrorContext(ctx, "session failure", "app", m.options.App, "error", err)
	if hook := m.options.Hooks.OnError; hook != nil {
		hook(ctx, err)
	}
}

// report records a failure, if there is one, that no caller gets.
func (m *Manager) report(ctx context.Context, op string, err error) {
	if err != nil {
		m.fail(ctx, opError(op, err))
	}
}

// LastError returns the last failure of the manager and its time, or nil and the
// zero time. A failure stays until the next one.
func (m *Manager) LastError() (time.Time, error) {
	m.lastMu.Lock()
	defer m.lastMu.Unlock()
	return m.lastSet, m.last
}

// silenced tells whether FailSilently hides err. Requests that sign in or out, rotate or abandon get
// the error all the same.
func (m *Manager) silenced(err error) bool {
	var failed *OpError
	return m.options.FailSilently && errors.As(err, &failed) && !errors.Is(err, store.ErrFormat)
}

// leaseLost records that a request has lost its session.
func (m *Manager) leaseLost() {
	m.stats.leasesLost.Add(1)
	m.fail(m.tasks.Context(), ErrLockLost)
}
