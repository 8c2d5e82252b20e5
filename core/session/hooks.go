package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/values"
)

// Hooks may use the session, so all of these are called while it is not locked.

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
		s.m.fail(ctx, failed)
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
