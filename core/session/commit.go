package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Commit writes what the request changed, gives up the lease and starts the
// session's idle time anew, all in one round trip. A new session that nothing was
// put in is not saved. A second Commit does nothing.
//
// After an error nothing was written, except that after an [*OpError] it is not
// known. After [ErrLockLost] and [ErrEnded] the session is over; after any other
// error Commit may be called again, for instance without the value that was too
// large. It is the second try of the same commit if nothing was changed in between.
// The first wrong change, such as one of a [ReadOnly] session, makes every Commit fail
// with it. With FailSilently an [*OpError] is not returned, and found in [Session.Err].
//
// An error that is both an [*OpError] and [ErrLockLost] says that a reply was lost and
// that others have committed since, so that it will never be known.
func (s *Session) Commit(ctx context.Context) error {
	return s.commit(ctx, false)
}

// commitTime bounds the commit of a response, besides RetryTimeout.
const commitTime = 5 * time.Second

// Finish is the Commit of an HTTP middleware: a client that hung up does not
// cancel it, as it goes on without ctx's end for RetryTimeout and 5 seconds, or as
// long as the client takes for a call, see [New]; and
// the cookie is sent again when its age is due. [Session.SetHeaders] follows it.
func (s *Session) Finish(ctx context.Context) error {
	if s.idle() {
		return s.commit(ctx, true) // makes no call that ctx could cancel
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.m.options.RetryTimeout+commitTime)
	defer cancel()
	return s.commit(ctx, true)
}

func (s *Session) commit(ctx context.Context, http bool) error {
	s.start(ctx)
	wrote, err := s.commitOnce(ctx, http)
	if err != nil {
		s.m.fail(ctx, err)
		if !s.m.silenced(err) {
			return err
		}
		s.silence(err)
		return nil
	}
	if hook := s.m.options.Hooks.OnFieldsSet; hook != nil && len(wrote.set) > 0 {
		hook(ctx, s, wrote.set)
	}
	if hook := s.m.options.Hooks.OnFieldsDeleted; hook != nil && len(wrote.deleted) > 0 {
		hook(ctx, s, wrote.deleted)
	}
	return nil
}

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

// saves tells whether a commit creates the session.
func (s *Session) saves() bool {
	return s.isNew && s.detached == attached && !s.abandon && (len(s.values) > 0 || s.principal != "" || s.companion != nil)
}

// savesNothing tells whether there is nothing that a commit would have to tell Redis.
func (s *Session) savesNothing() bool {
	return s.detached != attached || s.access == ReadOnly || s.isNew && !s.saves()
}

func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.savesNothing()
}

// silence makes the best of a session whose commit failed in FailSilently mode.
func (s *Session) silence(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if s.tried.moved {
		// The session is there under its new ID. Whether the old one has been
		// retired is not known, so the client gets the new one.
		s.state, s.id, s.owed = sealed, s.tried.id, owesCookie
		s.retireLater()
	} else {
		s.state, s.detached = rolledBack, outage
		s.m.stats.rolledBack.Add(1)
		s.discardTried()
	}
	if s.lease != nil {
		s.m.releaseLater(s.key, s.lease.token)
		s.lease.giveUp()
	}
}

func (s *Session) commitOnce(ctx context.Context, http bool) (delta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.invalid != nil:
		return delta{}, s.invalid
	case s.state == rolledBack && s.err != nil:
		return delta{}, s.err
	case s.state == rolledBack:
		return delta{}, fmt.Errorf("session: Commit after Rollback: %w", ErrSealed)
	case s.state == sealed:
		return delta{}, nil
	}
	var wrote delta
	err := s.lease.commit(func() (err error) {
		wrote, err = s.save(ctx, http)
		return err
	})
	switch {
	case err == nil:
		s.state = sealed
		if s.detached == attached {
			s.err = nil
		}
		s.m.stats.committed.Add(1)
	case errors.Is(err, ErrLockLost) || errors.Is(err, ErrEnded):
		s.state, s.err = rolledBack, err
	default:
		s.err = err
		return delta{}, err
	}
	s.lease.giveUp()
	return wrote, err
}

// try is a commit whose outcome is not known, as Redis may have executed it. The
// next one must be the same to be its second try, and otherwise another.
type try struct {
	token     string // of the commit
	id        string // that the session gets, if it gets one
	delta     delta
	facts     store.Meta
	companion string
	moved     bool // the session is saved under that ID
}

// prepare makes the try of a commit: the last one, if it was the same.
func (s *Session) prepare(d delta, facts store.Meta) {
	var companion string
	if s.companion != nil {
		companion = *s.companion
	}
	if s.tried.token != "" && s.tried.facts == facts && s.tried.companion == companion && s.tried.delta.equal(d) {
		return
	}
	if s.tried.id != "" {
		s.discard()
	}
	s.tried = try{token: s.m.process.Token(), delta: d, facts: facts, companion: companion}
	if s.isNew || s.rotate {
		s.tried.id = newID()
	}
}

// save does what the session's state asks for.
func (s *Session) save(ctx context.Context, http bool) (delta, error) {
	switch {
	case s.savesNothing():
		return delta{}, nil
	case s.abandon:
		s.prepare(delta{}, store.Meta{})
		return delta{}, s.end(ctx)
	}
	d, err := s.delta()
	if err != nil {
		return delta{}, err
	}
	facts := store.Meta{Timeout: s.timeout, Created: s.meta.Created, Principal: s.principal}
	facts.Extras.Companion = s.companion != nil || s.meta.Extras.Companion
	s.prepare(d, facts)
	now := time.Now()
	sent, due := s.cookieSent(http, now)
	if s.isNew || s.rotate {
		facts.Commit, facts.Extras.CookieSent = s.tried.token, sent
		facts.Extras.Retention = max(s.m.retention(), s.meta.Extras.Retention)
		if s.principal != "" {
			facts.Extras.Listed = now
		}
	}
	switch {
	case s.isNew:
		facts.Created = now
		err = s.create(ctx, facts, d)
	case s.rotate:
		err = s.move(ctx, facts, d)
	default:
		err = s.write(ctx, d, sent)
	}
	if due && err == nil {
		s.owed = owesCookie
	}
	return d, err
}

// cookieSent is when the client was last sent the cookie, if this commit succeeds;
// zero if it is not to be noted. Due tells whether the cookie must be sent for its
// age alone.
func (s *Session) cookieSent(http bool, now time.Time) (sent time.Time, due bool) {
	age := s.m.options.Cookie.MaxAge
	if age == 0 {
		return time.Time{}, false
	}
	if s.isNew || s.rotate {
		return now, false
	}
	if http && now.Sub(s.meta.Extras.CookieSent) >= age/10 {
		return now, true
	}
	return time.Time{}, false
}

// create saves a new session under a new ID.
func (s *Session) create(ctx context.Context, facts store.Meta, d delta) error {
	if err := s.put(ctx, facts, d.sealed(s.codecOf(s.tried.id))); err != nil {
		return err
	}
	if _, err := s.enlist(ctx, facts, ""); err != nil {
		return err
	}
	if s.companion != nil {
		if _, err := s.putCompanion(ctx, s.tried.id, *s.companion, facts); err != nil {
			return err
		}
	}
	if err := s.makeRoom(ctx, facts.Principal); err != nil {
		return err
	}
	s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
	s.m.stats.created.Add(1)
	return nil
}

// put saves all of a session under the ID of this try.
func (s *Session) put(ctx context.Context, facts store.Meta, set []any) error {
	key := s.m.key(s.tried.id)
	return s.call(ctx, func() (store.Status, error) {
		if facts.Extras.Retention != 0 {
			if err := s.m.store.Expect(ctx, key, facts); err != nil {
				return 0, err
			}
		}
		return s.m.store.Create(ctx, key, facts, set)
	})
}

// write writes the changes, and gives the lease up if there is one.
func (s *Session) write(ctx context.Context, d delta, sent time.Time) error {
	c := store.Change{Token: s.tried.token, Set: d.sealed(s.codec()), Delete: d.fields()}
	c.Extras.CookieSent = sent
	if s.lease != nil {
		c.Short = s.lease.short
	}
	if s.timeout != s.meta.Timeout {
		c.Timeout = s.timeout
	}
	if s.timeout > s.meta.Timeout && s.principal != "" {
		c.Extras.Listed = time.Unix(0, 0) // long ago, so that the index hears of it soon
	}
	changed := !d.empty() || c.Timeout != 0 || s.companion != nil
	var created bool
	var err error
	if s.companion != nil {
		c.Extras.Companion = true
		if created, err = s.putCompanion(ctx, s.id, *s.companion, s.facts()); err != nil {
			return err
		}
	}
	switch {
	case s.lease != nil:
		err = s.call(ctx, func() (store.Status, error) {
			if err := s.hasten(ctx); err != nil {
				return 0, err
			}
			return s.m.store.Commit(ctx, s.key, s.lease.token, c)
		})
	case changed || !sent.IsZero():
		err = s.call(ctx, func() (store.Status, error) {
			if err := s.hasten(ctx); err != nil {
				return 0, err
			}
			return s.m.store.Merge(ctx, s.key, c)
		})
	default:
		return nil
	}
	switch {
	case errors.Is(err, ErrEnded) && !changed:
		return nil // there was nothing to lose
	case s.companion != nil && err != nil:
		s.takeBackCompanion(ctx, err, created)
	case err == nil:
		s.followed(ctx)
	}
	return err
}

// facts are what the session's own facts are after this commit.
func (s *Session) facts() store.Meta {
	facts := s.meta
	facts.Timeout, facts.Principal = s.timeout, s.principal
	return facts
}

// hasten moves the session's deadline forward in the index of ends, where a shorter
// timeout does so: before the commit, since a crash may come in between, and again
// after, since somebody may have looked in between.
func (s *Session) hasten(ctx context.Context) error {
	if s.meta.Extras.Retention == 0 || s.timeout >= s.meta.Timeout {
		return nil
	}
	return s.m.store.Advance(ctx, s.key, s.facts())
}

// followed lets what depends on the session's life follow a commit of it.
func (s *Session) followed(ctx context.Context) {
	s.m.report(ctx, opCommit, s.hasten(ctx))
	facts := s.facts()
	if facts.Extras.Companion || s.companion != nil {
		s.m.touchCompanion(ctx, s.id, facts, false)
	}
	if facts.Principal != "" && facts.Timeout > s.meta.Timeout {
		s.m.relist(s.key, facts)
	}
}

// end ends the session.
func (s *Session) end(ctx context.Context) error {
	r := store.Retirement{Token: s.tried.token, Reason: string(Abandoned)}
	if s.lease != nil {
		r.Lease = s.lease.token
	}
	var had store.Extras
	err := s.call(ctx, func() (status store.Status, err error) {
		status, had, err = s.m.retire(ctx, s.key, r)
		return status, err
	})
	switch {
	case errors.Is(err, ErrEnded):
		// By somebody else: what was wanted has happened. The client may have a
		// new cookie by now, so it is not told to delete its own.
		return nil
	case err != nil:
		return err
	}
	s.m.stats.ended.Add(1)
	if had.Companion {
		s.m.deleteCompanion(ctx, s.id)
	}
	s.m.unlist(s.meta.Principal, s.key)
	s.owed = owesDeletion
	return nil
}

// errChanged says that there was another commit since the session was loaded.
var errChanged = errors.New("session: changed by a Shared commit meanwhile")

// call runs an operation of a commit and turns its status into an error.
func (s *Session) call(ctx context.Context, op func() (store.Status, error)) error {
	var status store.Status
	var unsure error // an earlier try failed, but may have been executed
	err := s.m.call(ctx, opCommit, func(int) (err error) {
		if status, err = op(); err != nil {
			unsure = err
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case status == store.Done:
		return nil
	case status == store.Lost && unsure != nil:
		return &OpError{Op: opCommit, Err: fmt.Errorf("tried again after %w, and %w", unsure, errLostSince)}
	case status == store.Lost:
		return ErrLockLost
	case status == store.Changed:
		return errChanged
	}
	return ErrEnded
}

// errLostSince is an ErrLockLost after a try whose reply was lost: it may have been
// written, and others may have committed since.
var errLostSince error = lostSince{}

type lostSince struct{}

func (lostSince) Error() string {
	return "the lease is another's by now; whether the first try was written is not known"
}

func (lostSince) Is(target error) bool { return target == ErrLockLost }
