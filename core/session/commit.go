package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/explain"
	"github.com/berthgo/berth/core/internal/principal"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/values"
)

// Commit writes what the request changed, gives up the lease and starts the idle time anew. That
// takes one round trip; a sign-in or sign-out, TrackEnd and a companion take more. Commit does not
// save a new session that has nothing in it. After a Commit that succeeded, another one does nothing.
//
// If it fails, the error says what happened:
//
//   - [ErrLockLost] and [ErrEnded]: nothing was written, and the session is over.
//   - An [*OpError]: a call to Redis failed, and the changes may have been written. Commit may be
//     called again, and then does the same again. A change that was made in between is not in it: it is
//     lost, and reported as [ErrSealed].
//     [Session.Rollback] gives up the lease and leaves the outcome open. If other requests have
//     had the session since, the OpError says that the outcome stays unknown, and the session is
//     over.
//   - Any other error: nothing was written. Commit may be called again, for instance without the value
//     that was too large.
//
// The first wrong change, such as Set of a [ReadOnly] session, is the error of every Commit.
//
// With FailSilently, Commit returns nil in place of an [*OpError], which [Session.Err] then
// returns, and does not commit again. A request that signs in or out, rotates or abandons gets
// the error all the same.
func (s *Session) Commit(ctx context.Context) error {
	return s.commit(ctx, false)
}

// Finish is the Commit of an HTTP middleware; [Session.SetHeaders] follows it. A client that hangs
// up does not cancel it: it goes on for RetryTimeout, and for as long as the Redis client allows a
// call, see [New]. It also sends the cookie again when a tenth of Cookie.MaxAge has passed.
func (s *Session) Finish(ctx context.Context) error {
	if !s.idle() { // then it makes no call that ctx could cancel
		ctx = context.WithoutCancel(ctx)
	}
	return s.commit(ctx, true)
}

// commit commits, and tells hooks about it: they may use the session, so it must not be locked.
func (s *Session) commit(ctx context.Context, http bool) error {
	s.start(ctx)
	commit := s.commitLocked
	if s.observed() {
		commit = s.commitObserved
	}
	wrote, err := commit(ctx, http)
	s.tellNotes(ctx)
	if err != nil {
		if !s.begunIn(err) && !errors.Is(err, ErrTooManySessions) { // that is an answer, and no failure
			s.fail(ctx, err)
		}
		if s.hides(err) {
			return nil
		}
		return err
	}
	s.tellFields(ctx, wrote)
	return nil
}

func (s *Session) commitLocked(ctx context.Context, http bool) (values.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.invalid != nil:
		return values.Changes{}, s.invalid
	case s.state == rolledBack && s.err != nil:
		return values.Changes{}, s.err
	case s.state == rolledBack && http && s.leaving == nil:
		return values.Changes{}, nil // the handler wanted nothing to be saved
	case s.state == rolledBack:
		return values.Changes{}, fmt.Errorf("session: Commit after Rollback: %w", ErrSealed)
	case s.state == sealed:
		return values.Changes{}, nil
	case s.detached == outage && s.identity:
		return values.Changes{}, s.err
	}
	if len(s.watches) > 0 {
		defer s.holdWatches()()
	}
	if err := s.leaveFirst(ctx); err != nil { // only after Abandon
		return values.Changes{}, s.concluded(err)
	}
	wrote, err := s.save(ctx, http)
	return wrote, s.concluded(err)
}

// save takes the steps of a commit: plan, prepare, send, follow, adopt.
func (s *Session) save(ctx context.Context, http bool) (values.Changes, error) {
	if s.savesNothing() {
		if s.dropped {
			s.dropped = false
			s.note(fmt.Errorf("%w (the session is detached)", ErrEnded))
		}
		if s.resends(http) {
			s.resendCookie(ctx, time.Now())
		}
		return values.Changes{}, nil
	}
	if s.planned == nil { // a repeated commit is the same commit
		p, err := s.plan(http, time.Now())
		if err != nil {
			return values.Changes{}, err
		}
		if s.handle == "" {
			s.handle = credential.NewHandle()
		}
		s.prepare(p)
		s.planned = p
	}
	p := s.planned
	s.lease.Committing()
	if err := s.send(ctx, p); err != nil {
		return values.Changes{}, err
	}
	if err := s.follow(ctx, p); err != nil {
		return values.Changes{}, err
	}
	s.adopt(p)
	return p.wrote, nil
}

// plan is what a commit does.
type plan struct {
	wrote    values.Changes
	facts    store.Meta   // of the session after the commit
	change   store.Change // what is written
	token    string       // of the commit
	id       string       // that the client gets, "" if it has it
	idle     bool         // nothing need be sent
	changes  bool         // there is something to lose
	signsIn  bool         // a user signs in
	signsOut string       // the user who is signed out, "" if none is
	due      bool         // the cookie is to be sent for its age

	reserved bool // there is a place for it in the index of its principal
	refused  bool // there is none

	doubt error // how a try has failed that may have been executed, nil if there was none
	sent  bool  // the session itself is written
}

// plan finds out what has changed, and which facts are true after the commit.
func (s *Session) plan(http bool, now time.Time) (*plan, error) {
	changes, err := s.changes()
	if err != nil {
		return nil, err
	}
	due := http && s.draft.CookieIsDue(&s.m.rules, now)
	p := &plan{wrote: changes, due: due, facts: s.draft.Facts(&s.m.rules, now, due)}
	if s.draft.Principal != s.draft.Saved.Principal {
		p.signsIn, p.signsOut = s.draft.Principal != "", s.draft.Saved.Principal
	}
	return p, nil
}

// prepare turns a plan into what Redis gets.
func (s *Session) prepare(p *plan) {
	if s.lease != nil {
		p.token = s.lease.Token
	} else {
		p.token = s.m.process.Token()
	}
	c := &p.change
	c.Set = p.wrote.Sealed(s.m.coding, s.handle)
	if s.draft.New || s.draft.Rotate {
		p.id = credential.New(s.handle)
		c.Proof = credential.Proof(p.id)
		c.Set = append(c.Set, s.macField(c.Proof, p.facts)...)
	}
	if s.draft.New {
		p.facts.Commit, p.changes = p.token, true
		return
	}
	for _, key := range p.wrote.Deleted {
		c.Delete = append(c.Delete, key)
	}
	s.draft.Change(c, &p.facts)
	p.changes = !p.wrote.Empty() || c.Timeout != 0 || s.draft.Rotate || s.draft.Companion != nil
	p.idle = s.lease == nil && !p.changes && !p.due
}

// send writes the session, after what must be written before it. It calls Redis on the schedule of
// RetryTimeout, and turns the script's status into an error.
//
// When a reply is lost, the commit may have been written. A repeated commit has the same token,
// so that Redis answers Done and writes nothing more. If others have had the session since, Redis
// cannot tell any more: then the error is errNeverKnown.
func (s *Session) send(ctx context.Context, p *plan) error {
	if p.idle || p.sent {
		return nil
	}
	var status store.Status
	var has store.Extras
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		if err := s.announce(ctx, p); err != nil || p.refused {
			return err
		}
		switch {
		case s.draft.New:
			status, err = s.m.store.Create(ctx, s.handle, p.change.Proof, p.facts, p.change.Set)
		case s.lease != nil:
			status, has, err = s.m.store.Commit(ctx, s.handle, s.lease.Keys, p.token, p.change)
		default:
			status, err = s.m.store.Merge(ctx, s.handle, s.shown(), p.token, p.change)
		}
		if retry.InDoubt(err) {
			p.doubt = err
		}
		return err
	})
	switch {
	case err != nil:
	case p.refused:
		s.planned = nil // nothing was sent, so the next commit may be another one
		return ErrTooManySessions
	case status == store.Done:
		p.sent = true
		if p.change.Proof != "" {
			s.proof = p.change.Proof
		}
		if has.Companion {
			p.facts.Extras.Companion = true // a Shared request has given it one meanwhile
		}
		return nil
	case p.doubt != nil:
		err = &OpError{Op: opCommit, Err: fmt.Errorf("%w (a try failed with: %w)", errNeverKnown, explain.Unquoted(p.doubt))}
	case status == store.Lost:
		err = ErrLockLost
	case s.draft.New && s.m.options.MaxLifetime > 0:
		err = errClock
	default:
		err = ErrEnded
	}
	if s.draft.Rotate && s.draft.Saved.Extras.Companion {
		s.m.companions.Mend(s.handle, s.began) // announce has hidden it
	}
	return err
}

// errNeverKnown says that a reply to the commit was lost, and that Redis cannot tell any more
// whether it was written.
var errNeverKnown = errors.New("it is not known whether the commit was written, and will not be: its reply was lost, and the session was another's since, or has ended")

// errClock says why Redis did not take a new session that nobody else can know.
var errClock = errors.New("session: Redis deleted the new session at once: its clock is ahead of this process's by more than MaxLifetime; set the clocks right")

// announce tells other keys what they must know before the session is written, since this process
// may die right after.
func (s *Session) announce(ctx context.Context, p *plan) error {
	if p.signsIn && !p.reserved {
		if err := s.mayBeListed(ctx, p); err != nil || p.refused {
			return err
		}
	}
	if s.draft.Rotate && s.draft.Saved.Extras.Companion {
		// From here on nobody is signed in elsewhere with the old ID, whatever fails.
		if err := s.m.store.HideCompanion(ctx, s.handle, s.began); err != nil {
			return err
		}
	}
	if s.draft.New && p.facts.Extras.Retention != 0 {
		return s.m.store.Expect(ctx, s.handle, p.facts)
	}
	return s.advance(ctx, p)
}

// mayBeListed makes sure that the sign-in can be listed: one that cannot must not happen.
func (s *Session) mayBeListed(ctx context.Context, p *plan) error {
	if !s.m.options.RefuseOverLimit {
		return s.m.store.CheckIndex(ctx, p.facts.Principal)
	}
	err := s.m.principals.Reserve(ctx, s.handle, p.facts)
	if errors.Is(err, principal.ErrFull) {
		p.refused = true
		return nil
	}
	p.reserved = err == nil
	return err
}

// advance makes the session's deadline earlier in the index of ends, if its timeout has changed.
func (s *Session) advance(ctx context.Context, p *plan) error {
	if s.draft.New || s.draft.Saved.Extras.Retention == 0 || p.change.Timeout == 0 {
		return nil
	}
	return s.m.store.Advance(ctx, s.handle, p.facts)
}

// follow brings other keys into line with the session that was written. Done again it does the
// same.
func (s *Session) follow(ctx context.Context, p *plan) error {
	if p.idle {
		return nil
	}
	// Again, since somebody may have looked at the index before the commit.
	s.note(opError(opCommit, s.advance(ctx, p)))
	if err := s.followWithCompanion(ctx, p); err != nil {
		return err
	}
	if p.signsOut != "" {
		err := s.m.principals.SignedOut(ctx, p.signsOut, s.handle, s.draft.Saved.Extras.Authenticated)
		s.note(opError(opCommit, err))
	}
	switch {
	case p.signsIn:
		err := s.m.principals.SignIn(ctx, s.handle, p.facts, principal.Notes{
			Unreadable: func(err error) { s.note(opError(opList, err)) },
			Companion:  func(err error) { s.note(opError(opCompanion, err)) },
		})
		return translate(opCommit, err)
	case !s.draft.New && p.facts.Principal != "" && p.facts.Timeout > s.draft.Saved.Timeout:
		handle, facts := s.handle, p.facts
		s.then = append(s.then, func() { s.m.principals.Relist(handle, facts) })
	}
	return nil
}

// adopt makes what was committed the truth of this session.
func (s *Session) adopt(p *plan) {
	if p.idle {
		return
	}
	if s.draft.New {
		s.m.stats.created.Add(1)
	} else {
		s.lease.Vouch(s.proof)
	}
	if p.id != "" {
		s.id = p.id
	}
	if p.id != "" || p.due {
		s.owed = owesCookie
	}
	s.draft.Saved = p.facts
}

// concluded decides what becomes of the session after a commit that ended with err, and returns
// the error that is left. It gives the lease up, unless the commit can be repeated.
func (s *Session) concluded(err error) error {
	switch {
	case err == nil:
		s.seal()
	case isOver(err) && s.planned != nil && !s.planned.changes: // there was nothing to lose
		err = nil
		s.seal()
	case s.leaving != nil && s.leaving.Left() && s.draft.Principal == "":
		// What was set after Abandon is not saved. What the request wanted has happened.
		s.note(err)
		s.forget()
		err = nil
		s.seal()
	case s.m.silenced(err):
		if !s.identity {
			s.detached = outage
		}
		s.state, s.err = rolledBack, err
		s.m.stats.rolledBack.Add(1)
		s.forget()
		s.lease.ReleaseLater()
	case isOver(err):
		if errors.Is(err, ErrLockLost) && s.lease.Unreported() {
			s.m.stats.leasesLost.Add(1)
		}
		s.state, s.err = rolledBack, err
		s.forget()
	default:
		s.err = err
		if failed := (*OpError)(nil); errors.As(err, &failed) {
			s.state = inDoubt
		}
		return err
	}
	s.lease.End()
	return err
}

// seal closes a session whose commit has done all that it can.
func (s *Session) seal() {
	s.state = sealed
	if s.detached != outage {
		s.err = nil
	}
	s.m.stats.committed.Add(1)
}

// isOver tells whether a commit that failed with err cannot be repeated.
func isOver(err error) bool {
	return errors.Is(err, ErrLockLost) || errors.Is(err, ErrEnded) || errors.Is(err, errNeverKnown)
}
