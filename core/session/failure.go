package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/explain"
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
	opPing     = "ping"
	opWatch    = "watch"

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

// repeat makes the steps of an iteration on the schedule of RetryTimeout.
func (m *Manager) repeat(ctx context.Context) store.Repeat {
	return func(call func() error) error {
		return m.caller.Call(ctx, m.tasks.Context().Done(), func(int) error { return call() })
	}
}

// translate turns the errors of the rooms below into those of this package.
func translate(op string, err error) error {
	if err == nil {
		return nil
	}
	var failed *retry.Failure
	switch {
	case errors.As(err, &failed):
		return &OpError{Op: op, Err: explain.Error(failed.Err)}
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
	return &OpError{Op: op, Err: explain.Error(err)}
}

// subject is what a failure is about, as far as it is known.
type subject struct {
	handle       string
	method, path string
	host         string // for warnOfHTTP
}

// fail records a failure, and tells Logger and OnError, whether or not a caller gets it too.
func (m *Manager) fail(ctx context.Context, err error) { m.failOf(ctx, subject{}, err) }

// failOf is fail for a failure that is about one session or one request.
func (m *Manager) failOf(ctx context.Context, of subject, err error) {
	m.stats.errors.Add(1)
	m.failures.Add(ctx, kindOf(err), err,
		slog.String("handle", of.handle), slog.String("method", of.method), slog.String("path", credential.Redact(of.path)))
	m.tell(ctx, Event{Op: OpFailure, Handle: of.handle, Err: err})
	if hook := m.options.Hooks.OnError; hook != nil {
		hook(ctx, err)
	}
}

// failed records the failure of an operation, and returns it as its caller gets it.
func (m *Manager) failed(ctx context.Context, op string, err error) error {
	err = translate(op, err)
	m.fail(ctx, err)
	return err
}

// fail records a failure of this session.
func (s *Session) fail(ctx context.Context, err error) {
	s.mu.Lock()
	of := s.opened.request
	if of.handle = s.handle; of.handle == "" && s.leaving != nil {
		of.handle = s.leaving.Handle
	}
	s.mu.Unlock()
	s.m.failOf(ctx, of, err)
}

// report records a failure, if there is one, that no caller gets.
func (m *Manager) report(ctx context.Context, op string, err error) {
	if err != nil {
		m.fail(ctx, opError(op, err))
	}
}

func (s *Session) report(ctx context.Context, op string, err error) {
	if err != nil {
		s.fail(ctx, opError(op, err))
	}
}

// LastError returns the last failure of the manager and its time, or nil and the
// zero time. A failure stays until the next one.
func (m *Manager) LastError() (time.Time, error) { return m.failures.Last() }

// silenced tells whether FailSilently hides err. Requests that sign in or out, rotate or abandon get
// the error all the same.
func (m *Manager) silenced(err error) bool {
	var failed *OpError
	return m.options.FailSilently && errors.As(err, &failed) && !errors.Is(err, store.ErrFormat)
}
