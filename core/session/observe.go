package session

import (
	"context"
	"errors"
	"time"

	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/observers"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/values"
)

// Op is what an [Event] is about.
type Op string

// The operations, which take time, and then the events, which do not.
const (
	OpBegin     Op = "begin"      // a session was begun, or was not; see Access, Outcome and Waited
	OpCommit    Op = "commit"     // a commit; see Outcome, Held, Fields and Bytes
	OpRollback  Op = "rollback"   // a session was given up; see Held
	OpHandleEnd Op = "handle end" // a handler of ends has returned; see Reason, Lag and Attempt

	OpLeaseLost Op = "lease lost" // before the commit or rollback of its request
	OpEnd       Op = "end"        // this process has ended a session; see Reason
	OpAside     Op = "aside"      // an end was put aside
	OpRetry     Op = "retry"      // a call to Redis is made again; see Attempt and Err
	OpBatch     Op = "batch"      // calls of several requests were sent together; see Calls
	OpFailure   Op = "failure"    // what Hooks.OnError hears of; see Err
)

// Outcome is how a begin or a commit ended.
type Outcome string

// How a begin or a commit ended.
const (
	OutcomeFound       Outcome = "found"        // begin: a live session
	OutcomeNew         Outcome = "new"          // begin: a new session, not saved yet
	OutcomeDetached    Outcome = "detached"     // begin: a detached session
	OutcomeLockTimeout Outcome = "lock timeout" // begin: another request held it for too long
	OutcomeCreated     Outcome = "created"      // commit: a new session was saved
	OutcomeSaved       Outcome = "saved"        // commit: changes were written
	OutcomeUnchanged   Outcome = "unchanged"    // commit: there was nothing to write
	OutcomeFailed      Outcome = "failed"       // see Err
)

// Event is something that a manager did. Fields that an Op does not need are zero.
type Event struct {
	Op     Op
	App    string
	Handle string // of the session; "" if it has none yet, or if the event is about several

	Start    time.Time     // of an operation
	Duration time.Duration // of an operation

	Access  Access        // of begin, commit and rollback
	Outcome Outcome       // of begin and commit
	Waited  time.Duration // begin: for the session, while others held it; 0 if nobody did
	Held    time.Duration // commit and rollback: since the lease was asked for; 0 without a lease
	Fields  int           // commit: values set and deleted
	Bytes   int           // commit: keys and encoded values that were set
	Reason  Reason        // end and handle end: why the session ended
	Lag     time.Duration // handle end: from the session's end to the start of the handler
	Attempt int           // handle end: which attempt it was; retry: how many tries there were
	Calls   int           // batch: how many calls
	Err     error         // nil if it succeeded
}

// Observer is told what a manager does, as for traces and metrics. Both functions are called in the
// goroutine that does the work, so they must be quick and safe for concurrent use. They must not use the
// session of a context. Nothing is told of sessions with access [None], nor of a second commit.
type Observer struct {
	// Start is called before an operation. berth calls Redis with the context that it returns, and gives
	// the same context to Event. The handle is "" for a session that has none yet. May be nil.
	Start func(ctx context.Context, op Op, handle string) context.Context

	// Event is called after an operation, and for every other event. May be nil.
	Event func(ctx context.Context, e Event)
}

// Observe tells o what m does from now on, until stop is called. Of several observers, each hears of
// everything. Without one, a request pays nothing for it. It is safe for concurrent use.
func (m *Manager) Observe(o Observer) (stop func()) {
	one := (*observers.Observer[Op, Event])(&o)
	m.observers.Add(one)
	return func() { m.observers.Remove(one) }
}

// App returns Options.App, or what [New] has put in its place.
func (m *Manager) App() string { return m.options.App }

// done ends an operation. E has what is known of it.
func (m *Manager) done(o *observers.Operation[Op, Event], e Event) {
	e.Op, e.App, e.Start, e.Duration = o.Op, m.options.App, o.Start, time.Since(o.Start)
	o.End(e)
}

// tell tells of an event that takes no time.
func (m *Manager) tell(ctx context.Context, e Event) {
	e.App = m.options.App
	m.observers.Tell(ctx, e)
}

// errPanicked is the error of an operation that panicked, as in a hook or a codec.
var errPanicked = errors.New("session: a panic went through")

func (m *Manager) beginObserved(ctx context.Context, o opening, access Access) (s *Session, err error) {
	ctx, operation := m.observers.Begin(ctx, OpBegin, o.handle)
	err = errPanicked
	var waited time.Duration
	defer func() {
		e := begun(o, access, s, err)
		e.Waited = waited
		m.done(operation, e)
	}()
	return m.beginCounted(context.WithValue(ctx, waitedKey{}, &waited), o, access)
}

// waitedKey is for how long an observed begin has waited, whatever then came of it.
type waitedKey struct{}

// waited counts a request that has waited for a session.
func (m *Manager) waited(ctx context.Context, d time.Duration) {
	m.stats.waited(d)
	if told, ok := ctx.Value(waitedKey{}).(*time.Duration); ok {
		*told = d
	}
}

// observed tells whether somebody is to hear of a commit now: not if there is nothing left to commit, as
// for the middleware after a handler has committed.
func (s *Session) observed() bool {
	if s.m.observers.None() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access != None && (s.state == open || s.state == inDoubt)
}

func (s *Session) commitObserved(ctx context.Context, http bool) (wrote values.Changes, err error) {
	ctx, operation := s.m.observers.Begin(ctx, OpCommit, s.name())
	err = errPanicked
	defer func() { s.m.done(operation, s.committed(wrote, err)) }()
	return s.commitLocked(ctx, http)
}

func (s *Session) observeRollback(ctx context.Context, held *lease.Lease) (context.Context, func()) {
	e := Event{Handle: s.name(), Access: s.Access(), Held: held.Age()}
	ctx, operation := s.m.observers.Begin(ctx, OpRollback, e.Handle)
	return ctx, func() { s.m.done(operation, e) }
}

// begun describes a begin.
func begun(o opening, access Access, s *Session, err error) Event {
	e := Event{Handle: o.handle, Access: access, Err: err}
	switch {
	case errors.Is(err, ErrLockTimeout):
		e.Outcome = OutcomeLockTimeout
	case err != nil:
		e.Outcome = OutcomeFailed
	case s.detached != attached:
		e.Outcome, e.Err = OutcomeDetached, s.err
	case s.draft.New:
		e.Outcome, e.Handle = OutcomeNew, ""
	default:
		e.Outcome, e.Handle = OutcomeFound, s.handle // of several cookies, that of the live session
	}
	return e
}

// committed describes a commit.
func (s *Session) committed(wrote values.Changes, err error) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := Event{
		Handle: s.handle, Access: s.access, Held: s.lease.Age(), Err: err,
		Fields: len(wrote.Set) + len(wrote.Deleted), Bytes: wrote.Bytes(),
	}
	switch {
	case err != nil:
		e.Outcome = OutcomeFailed
	case s.draft.New && s.planned != nil && s.planned.sent:
		e.Outcome = OutcomeCreated
	case s.planned != nil && s.planned.changes && s.planned.sent:
		e.Outcome = OutcomeSaved
	default:
		e.Outcome = OutcomeUnchanged
	}
	return e
}

// observedEnd calls a handler of ends, and tells of it.
func (m *Manager) observedEnd(ctx context.Context, c store.Claimed, handle func(context.Context, Ended) error) error {
	if m.observers.None() {
		return handle(ctx, m.ended(c))
	}
	ctx, o := m.observers.Begin(ctx, OpHandleEnd, c.Handle)
	e := Event{
		Handle: c.Handle, Reason: Reason(c.Meta.Reason), Attempt: c.Meta.Attempt,
		Lag: max(0, time.Since(c.Meta.Ended)), // clocks differ
		Err: errPanicked,
	}
	defer func() { m.done(o, e) }()
	e.Err = handle(ctx, m.ended(c))
	return e.Err
}
