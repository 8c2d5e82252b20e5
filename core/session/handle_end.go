package session

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// HandleEnd hands the sessions that end to handle, until ctx ends or the manager is
// closed: then it takes no more, waits for the handlers that run, and returns nil, or
// [ErrClosed]. [Manager.Close] waits for it in turn, so a handler must not call that.
// It needs Options.TrackEnd. Any number of processes may run it.
//
// Each ended session is handed to one handler at a time, of all processes. It is
// deleted once handle returned nil. If handle returns an error or panics, or its
// process dies, it is handed out again after LockTTL, by the next sweep; after EndAttempts
// times, with the defaults in about two minutes, it is kept
// aside, see [Manager.EndsAside]. So a handler must expect to see a session twice: at
// least once is what is promised.
//
// Up to EndHandlers run at the same time. A handler may take as long as it likes, and so
// may HandleEnd and [Manager.Close] then, so give slow work a time limit of its own; its
// ctx ends only if its claim was lost, because Redis could not be reached for LockTTL,
// so that another may be handling the same session.
func (m *Manager) HandleEnd(ctx context.Context, handle func(ctx context.Context, e Ended) error) error {
	switch {
	case handle == nil:
		return errors.New("session: HandleEnd needs a function")
	case !m.options.TrackEnd:
		return errors.New("session: HandleEnd needs Options.TrackEnd, in all programs that save or end sessions")
	case !m.background():
		return ErrClosed
	}
	defer m.running.Done()
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(m.ctx, func() { stop(ErrClosed) })()

	e := &ender{
		m: m, handle: handle,
		slots:   make(chan struct{}, m.options.EndHandlers),
		handled: make(chan settlement),
		pokes:   newPokes(),
	}
	m.enders.add(e.pokes)
	defer m.enders.remove(e.pokes)

	var others sync.WaitGroup
	others.Go(e.settle)
	others.Go(func() { e.listen(running) })
	e.run(running)
	for range cap(e.slots) {
		e.slots <- struct{}{} // every handler has given its slot back
	}
	close(e.handled)
	others.Wait()
	if errors.Is(context.Cause(running), ErrClosed) {
		return ErrClosed
	}
	return nil
}

// keepEnded is how long the data of an ended session are kept after each attempt.
func (m *Manager) keepEnded() time.Duration {
	return max(m.options.EndRetention, 2*(m.options.LockTTL+m.options.EndSweep))
}

// ender is one call of HandleEnd. These goroutines belong to it: the caller's, which
// looks for what is due and claims it; one that listens to notifications and one that
// settles what was handled; and two for every handler that runs.
type ender struct {
	m       *Manager
	handle  func(context.Context, Ended) error
	slots   chan struct{} // one in it for every handler that runs
	handled chan settlement
	pokes   *pokes
	refused atomic.Bool // to turn on notifications, which was logged
}

// one runs a handler for what was claimed at that time, and then gives its slot back.
func (e *ender) one(c store.Claimed, token string, asked time.Time) {
	defer func() { <-e.slots }()
	m := e.m
	expires := asked.Add(m.options.LockTTL)
	switch {
	case !time.Now().Before(expires):
		return // the claim may be another's by now
	case !m.genuine(c):
		m.fail(context.Background(), fmt.Errorf("session: an end is kept aside: %w", forged(c.Handle)))
		e.putAside(c.Handle, token)
		return
	case c.Meta.Attempt > m.options.EndAttempts:
		e.putAside(c.Handle, token)
		return
	case c.Meta.Attempt > 1:
		m.stats.endsRedelivered.Add(1)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		err := errors.New("session: the handler of ends did not return, but called runtime.Goexit; as t.FailNow does")
		defer func() { done <- err }()
		err = e.call(ctx, m.ended(c))
	}()
	err := e.hold(c.Handle, token, expires, cancel, done)
	switch {
	case err == nil:
		e.settled(c, token)
	case c.Meta.Attempt >= m.options.EndAttempts:
		m.fail(ctx, fmt.Errorf("%w; that was the last attempt, it is kept aside: see Manager.EndsAside and ReplayEnd", err))
		e.putAside(c.Handle, token)
	default:
		m.fail(ctx, err)
		e.cleanup(func(ctx context.Context) error { return m.store.GiveBack(ctx, c.Handle, token) })
	}
}

// call calls the handler, and turns a panic of it into an error.
func (e *ender) call(ctx context.Context, ended Ended) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.m.options.Logger.ErrorContext(ctx, "panic in a handler of session ends",
				"app", e.m.options.App, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = fmt.Errorf("session: the handler of ends, session %s, attempt %d: panic with a %T", ended.Handle, ended.Attempt, p)
		}
	}()
	if err := e.handle(ctx, ended); err != nil {
		return fmt.Errorf("session: the handler of ends, session %s, attempt %d: %w", ended.Handle, ended.Attempt, err)
	}
	return nil
}

// hold keeps a claim until its handler is done, and returns the handler's error. It
// cancels the handler at the moment when the claim may be another's, however long a
// renewal takes.
func (e *ender) hold(handle, token string, expires time.Time, cancel context.CancelCauseFunc, done <-chan error) error {
	m := e.m
	ticker := time.NewTicker(m.options.LockTTL / 3)
	defer ticker.Stop()
	expiry := time.AfterFunc(time.Until(expires), func() { cancel(ErrLockLost) })
	defer expiry.Stop()
	for {
		select {
		case err := <-done:
			return err
		case now := <-ticker.C:
			ctx, end := context.WithDeadline(context.Background(), expires)
			status, err := m.store.RenewClaim(ctx, handle, token, m.keepEnded())
			end()
			switch {
			case err != nil:
			case status != store.Done:
				cancel(ErrLockLost)
			case expiry.Stop():
				expires = now.Add(m.options.LockTTL)
				expiry.Reset(time.Until(expires))
			}
		}
	}
}

func (e *ender) putAside(handle, token string) {
	e.m.stats.endsAside.Add(1)
	e.cleanup(func(ctx context.Context) error { return e.m.store.PutAside(ctx, handle, token) })
}

// cleanup runs what ends a claim. If it fails that is reported, and the claim runs out.
func (e *ender) cleanup(f func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), e.m.options.RetryTimeout+cleanupTime)
	defer cancel()
	if err := e.m.call(ctx, opHandleEnd, func(int) error { return f(ctx) }); err != nil {
		e.m.fail(ctx, err)
	}
}

// settlement is a session whose end was handled.
type settlement struct {
	store.Handling
	done chan<- error
}

// settled waits until a session whose end was handled is deleted. If that fails, the
// end will be handed out once more.
func (e *ender) settled(c store.Claimed, token string) {
	done := make(chan error, 1)
	e.handled <- settlement{store.Handling{Handle: c.Handle, Token: token}, done}
	if err := <-done; err != nil {
		e.m.fail(context.Background(), err)
		return
	}
	e.m.stats.endHandled(time.Since(c.Meta.Ended))
}

// settleAtMost is how many sessions are settled at once.
const settleAtMost = 128

// settle deletes sessions whose ends were handled, as many at once as there are, until
// the channel is closed.
func (e *ender) settle() {
	for first := range e.handled {
		batch := []settlement{first}
		for more := true; more && len(batch) < settleAtMost; {
			select {
			case next, open := <-e.handled:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		handled := make([]store.Handling, len(batch))
		for i, s := range batch {
			handled[i] = s.Handling
		}
		ctx, cancel := context.WithTimeout(context.Background(), e.m.options.RetryTimeout+cleanupTime)
		err := e.m.call(ctx, opHandleEnd, func(int) error { return e.m.store.Handled(ctx, handled) })
		cancel()
		for _, s := range batch {
			s.done <- err
		}
	}
}
