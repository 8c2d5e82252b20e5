package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// send does what was planned, or what of it was not done before.
func (s *Session) send(ctx context.Context, p *plan) error {
	if p.idle {
		return nil
	}
	if !p.saved {
		if err := s.write(ctx, p); err != nil {
			return err
		}
		p.saved = true
		if p.change.Proof != "" {
			s.proof = p.change.Proof
		}
	}
	if err := s.follow(ctx, p); err != nil {
		return err
	}
	s.adopt(p)
	return nil
}

// write writes the session itself. Where the replies of tries were lost, it tells what is
// certain and what is not.
func (s *Session) write(ctx context.Context, p *plan) error {
	var status store.Status
	var has store.Extras
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		if err := s.announce(ctx, p); err != nil {
			return err
		}
		switch {
		case s.isNew:
			status, err = s.m.store.Create(ctx, s.handle, p.change.Proof, p.facts, p.change.Set)
		case s.lease != nil:
			status, has, err = s.m.store.Commit(ctx, s.handle, s.lease.keys, p.token, p.change)
		default:
			status, err = s.m.store.Merge(ctx, s.handle, s.shown(), p.token, p.change)
		}
		if store.InDoubt(err) {
			p.doubt = err
		}
		return err
	})
	if (err != nil || status != store.Done) && s.rotate && s.meta.Extras.Companion {
		s.m.mendLater(s.handle, s.began)
	}
	switch {
	case err != nil:
		return err
	case status == store.Done:
		if has.Companion {
			p.facts.Extras.Companion = true // a Shared request may have given it one
		}
		return nil
	case p.doubt != nil:
		return &OpError{Op: opCommit, Err: fmt.Errorf("%w (a try failed with: %w)", errNeverKnown, p.doubt)}
	case status == store.Lost:
		return ErrLockLost
	}
	return ErrEnded
}

// errNeverKnown is what a second try finds whose first may have been executed, if others have
// had the session since.
var errNeverKnown = errors.New("it is not known whether the commit was written, and will not be: its reply was lost, and the session was another's since, or has ended")

// isOver tells whether a commit that failed with err is no good any more.
func isOver(err error) bool {
	return errors.Is(err, ErrLockLost) || errors.Is(err, ErrEnded) || errors.Is(err, errNeverKnown)
}

// shown is the proof with which the session was begun, "" if it needed none.
func (s *Session) shown() string {
	if s.trusted {
		return ""
	}
	return s.proof
}

// announce tells the indexes of what is about to be written, and that they must know before,
// since a crash may come in between. A sign-in that cannot be listed must not happen.
func (s *Session) announce(ctx context.Context, p *plan) error {
	if p.signsIn {
		if err := s.m.store.CheckIndex(ctx, p.facts.Principal); err != nil {
			return err
		}
	}
	if s.rotate && s.meta.Extras.Companion {
		// From here on nobody is signed in with the old ID elsewhere, whatever fails.
		if err := s.m.store.HideCompanion(ctx, s.handle, s.began); err != nil {
			return err
		}
	}
	if s.isNew && p.facts.Extras.Retention != 0 {
		return s.m.store.Expect(ctx, s.handle, p.facts)
	}
	return s.hasten(ctx, p)
}

// hasten moves the session's deadline forward in the index of ends, where another timeout
// does so.
func (s *Session) hasten(ctx context.Context, p *plan) error {
	if s.isNew || s.meta.Extras.Retention == 0 || p.change.Timeout == 0 {
		return nil
	}
	return s.m.store.Advance(ctx, s.handle, p.facts)
}

// follow lets what depends on the session follow a commit of it. Done again it does the same.
func (s *Session) follow(ctx context.Context, p *plan) error {
	// Again, since somebody may have looked before the commit.
	s.note(opError(opCommit, s.hasten(ctx, p)))
	switch {
	case s.companion != nil, p.facts.Extras.Companion && s.rotate:
		if err := s.writeCompanion(ctx, p); err != nil {
			return err
		}
	case p.facts.Extras.Companion:
		s.note(opError(opCompanion, s.m.store.TouchCompanion(ctx, s.handle, p.facts)))
	case s.switched:
		s.note(s.m.deleteCompanion(ctx, s.handle, s.proof))
	}
	if p.left != "" {
		// It may sign in again right now, and this may come late.
		until := time.Now().Add(-time.Millisecond)
		if signedIn := s.meta.Extras.Authenticated; signedIn.After(until) {
			until = signedIn
		}
		s.note(opError(opCommit, s.m.store.Remove(ctx, p.left, s.handle, until)))
	}
	switch {
	case p.signsIn:
		return s.signIn(ctx, p.facts)
	case !s.isNew && p.facts.Principal != "" && p.facts.Timeout > s.meta.Timeout:
		m, handle, facts := s.m, s.handle, p.facts
		s.then = append(s.then, func() { m.relist(handle, facts) })
	}
	return nil
}

// adopt makes what was committed the truth.
func (s *Session) adopt(p *plan) {
	if s.isNew {
		s.m.stats.created.Add(1)
	}
	if p.id != "" {
		s.id = p.id
	}
	if p.id != "" || p.due {
		s.owed = owesCookie
	}
	s.meta = p.facts
	if !s.isNew {
		s.lease.vouch(s.proof)
	}
}
