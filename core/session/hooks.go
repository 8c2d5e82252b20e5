package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/values"
)

// Hooks are functions that berth calls. Each may be nil. They run in the goroutine of the request.
// A lost lease, and failures beside requests and in [Manager.HandleEnd], are reported from other
// goroutines. So hooks must be safe for concurrent use, and should be quick.
type Hooks struct {
	// OnStart is called once for each session, just before it is saved for the first time. What it
	// sets is saved too.
	OnStart func(ctx context.Context, s *Session)

	// OnError is called with every failure of a request, also with those that FailSilently hides, and
	// of HandleEnd. What berth tries again beside requests, and can do without, is not reported.
	OnError func(ctx context.Context, err error)

	// OnLockNotAcquired is called when a request gives up waiting. The error is a
	// [*LockTimeoutError].
	OnLockNotAcquired func(ctx context.Context, err error)

	// OnFieldsSet is called after a commit that wrote values, with their keys, sorted.
	OnFieldsSet func(ctx context.Context, s *Session, keys []string)

	// OnFieldsDeleted is called after a commit that deleted values, with their keys, sorted.
	OnFieldsDeleted func(ctx context.Context, s *Session, keys []string)
}

// Hooks may use the session. So what follows calls them while it is not locked.

// start calls OnStart if this commit is about to save a new session.
func (s *Session) start(ctx context.Context) {
	hook := s.m.options.Hooks.OnStart
	if hook == nil {
		return
	}
	s.mu.Lock()
	starts := s.state == open && s.invalid == nil && !s.started && s.saves()
	s.started = s.started || starts
	s.mu.Unlock()
	if starts {
		hook(ctx, s)
	}
}

// note keeps a failure that a commit survives, for tellNotes.
func (s *Session) note(err error) {
	if err != nil {
		s.noted = append(s.noted, err)
	}
}

// tellNotes reports what was noted, and then does what a commit has left to be done beside the
// request.
func (s *Session) tellNotes(ctx context.Context) {
	s.mu.Lock()
	notes, then := s.noted, s.then
	s.noted, s.then = nil, nil
	s.mu.Unlock()
	for _, failed := range notes {
		s.fail(ctx, failed)
	}
	for _, f := range then {
		f()
	}
}

// tellFields tells which values a commit has written.
func (s *Session) tellFields(ctx context.Context, wrote values.Changes) {
	if hook := s.m.options.Hooks.OnFieldsSet; hook != nil && len(wrote.Set) > 0 {
		hook(ctx, s, wrote.Set)
	}
	if hook := s.m.options.Hooks.OnFieldsDeleted; hook != nil && len(wrote.Deleted) > 0 {
		hook(ctx, s, wrote.Deleted)
	}
}
