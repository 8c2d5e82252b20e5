package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// try is a commit whose outcome is not known, as Redis may have executed it. The
// next one must be the same to be its second try, and otherwise another.
type try struct {
	token     string // of the commit
	id        string // that the session gets, if it gets one
	delta     delta
	facts     store.Meta
	companion string
	made      time.Time
	failed    error  // how it failed the last time
	ends      string // token of the retirement of that ID, if it is to be discarded
	moved     bool   // the session is saved under that ID, and the old one may be retired
	after     string // which commit of the old one it goes on from, then
	before    string // token of an earlier try that was written, and was the last commit then
	retimes   bool   // this one, or one that was written before, sets the timeout
}

// again tells whether a commit is the last try once more. A session that may have expired
// since it was saved is not saved again under the same ID.
func (s *Session) again(d delta, facts store.Meta) bool {
	if s.tried.id != "" && time.Since(s.tried.made) >= s.timeout {
		return false
	}
	return s.tried.token != "" && s.needsID() == (s.tried.id != "") &&
		s.tried.facts == facts && s.tried.companion == s.companionValue() && s.tried.delta.equal(d)
}

// needsID tells whether a commit gives the session an ID.
func (s *Session) needsID() bool { return (s.isNew || s.rotate) && !s.abandon }

func (s *Session) companionValue() string {
	if s.companion == nil {
		return ""
	}
	return *s.companion
}

// written returns the token of the last commit of all if it was a try of this session, which
// then has to take back what is not wanted any more, or "". With a lease nothing needs to be
// taken back: a try that was written has given it up.
func (s *Session) written(ctx context.Context) (token string, err error) {
	if s.lease != nil || s.tried.token == "" || s.tried.id != "" {
		return "", nil
	}
	var l store.Loaded
	err = s.m.call(ctx, opCommit, func(int) (err error) {
		l, err = s.m.store.Load(ctx, s.key)
		return err
	})
	if token = l.Meta.Commit; token != s.tried.token && token != s.tried.before {
		return "", err
	}
	return token, err
}

// changes returns what a commit changes, and what [Session.written] returned if that was asked.
func (s *Session) changes(ctx context.Context, facts store.Meta) (d delta, written string, err error) {
	d, err = s.delta(delta{})
	if err != nil || s.again(d, facts) {
		return d, "", err
	}
	written, err = s.written(ctx)
	if err != nil || written == "" {
		return d, "", err
	}
	d, err = s.delta(s.tried.delta)
	return d, written, err
}

// prepare makes the try of a commit: the last one, if it was the same.
func (s *Session) prepare(d delta, facts store.Meta, written string) {
	if s.again(d, facts) {
		return
	}
	if s.tried.id != "" {
		s.copies = append(s.copies, s.tried)
	}
	var token string
	if s.lease != nil && s.tried.token == "" {
		token = s.lease.token // nothing was committed by it yet
	} else {
		token = s.m.process.Token()
	}
	next := try{token: token, made: time.Now(), delta: d, facts: facts, companion: s.companionValue(), retimes: s.timeout != s.meta.Timeout}
	if written != "" {
		next.before = written
		next.retimes = next.retimes || s.tried.retimes
	}
	s.tried = next
	if s.needsID() {
		s.tried.id, s.tried.ends = newID(), s.m.process.Token()
	}
}

// save does what the session's state asks for.
func (s *Session) save(ctx context.Context, http bool) (delta, error) {
	switch {
	case s.savesNothing():
		s.discardAll()
		return delta{}, nil
	case s.abandon:
		s.prepare(delta{}, store.Meta{}, "")
		return delta{}, s.end(ctx)
	}
	facts := store.Meta{Timeout: s.timeout, Created: s.meta.Created, Principal: s.principal}
	facts.Extras.Companion = s.companion != nil || s.meta.Extras.Companion
	d, written, err := s.changes(ctx, facts)
	if err != nil {
		return delta{}, err
	}
	s.prepare(d, facts, written)
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
		if err = s.write(ctx, d, sent); errors.Is(err, errChanged) {
			// What was to be taken back is not this session's any more.
			s.tried = try{}
			if d, err = s.delta(delta{}); err == nil {
				s.prepare(d, facts, "")
				err = s.write(ctx, d, sent)
			}
		}
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
	if err := s.put(ctx, facts, 0, d.sealed(s.codecOf(s.tried.id))); err != nil {
		return err
	}
	if s.companion != nil {
		if _, err := s.putCompanion(ctx, s.tried.id, *s.companion, facts); err != nil {
			return err
		}
	}
	if _, err := s.enlist(ctx, facts, ""); err != nil {
		return err
	}
	if s.companion != nil {
		s.checkCompanion(ctx, s.tried.id)
	}
	if err := s.makeRoom(ctx, facts.Principal); err != nil {
		return err
	}
	s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
	s.m.stats.created.Add(1)
	return nil
}

// put saves all of a session under the ID of this try, where it lives for least at least.
func (s *Session) put(ctx context.Context, facts store.Meta, least time.Duration, set []any) error {
	key := s.m.key(s.tried.id)
	return s.call(ctx, func() (store.Status, error) {
		if facts.Extras.Retention != 0 {
			if err := s.m.store.Expect(ctx, key, facts); err != nil {
				return 0, err
			}
		}
		return s.m.store.Create(ctx, key, facts, least, set)
	})
}

// write writes the changes, and gives the lease up if there is one.
func (s *Session) write(ctx context.Context, d delta, sent time.Time) error {
	c := store.Change{Token: s.tried.token, After: s.tried.before, Set: d.sealed(s.codec()), Delete: d.fields()}
	c.Extras.CookieSent = sent
	if s.tried.retimes {
		c.Timeout = s.timeout
	}
	if s.timeout > s.meta.Timeout && s.principal != "" {
		c.Extras.Listed = time.Unix(0, 0) // long ago, so that the index hears of it soon
	}
	changed := !d.empty() || c.Timeout != 0 || s.companion != nil
	var err error
	c.Extras.Companion = s.companion != nil
	switch {
	case s.lease != nil:
		err = s.call(ctx, func() (store.Status, error) {
			if err := s.hasten(ctx); err != nil {
				return 0, err
			}
			return s.m.store.Commit(ctx, s.lease.keys, s.lease.token, c)
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
	case err != nil:
		return err
	}
	return s.followed(ctx)
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
	if s.meta.Extras.Retention == 0 || s.timeout >= s.meta.Timeout && s.tried.before == "" {
		return nil
	}
	return s.m.store.Advance(ctx, s.key, s.facts())
}

// followed lets what depends on the session's life follow a commit of it.
func (s *Session) followed(ctx context.Context) error {
	s.note(opError(opCommit, s.hasten(ctx)))
	facts := s.facts()
	if facts.Principal != "" && facts.Timeout > s.meta.Timeout {
		s.m.relist(s.key, facts)
	}
	switch {
	case s.companion != nil:
		return s.giveCompanion(ctx)
	case facts.Extras.Companion:
		s.note(opError(opCompanion, s.m.store.TouchCompanion(ctx, s.id, facts, false)))
	}
	return nil
}

// end ends the session, under the ID that it has got by a move whose outcome was not known,
// if it has.
func (s *Session) end(ctx context.Context) error {
	r := store.Retirement{Token: s.tried.token, Reason: string(Abandoned)}
	if s.lease != nil {
		r.Lease = s.lease.token
	}
	id := s.id
	had, err := s.retire(ctx, s.key, r)
	if last := s.moved(); last != nil && errors.Is(err, ErrEnded) {
		var moved bool
		failed := s.m.call(ctx, opCommit, func(int) (err error) {
			moved, err = s.m.hasMoved(ctx, s.key, s.lease.token)
			return err
		})
		if failed != nil {
			return failed
		}
		if moved {
			id, r.Lease = last.id, ""
			if had, err = s.retire(ctx, s.m.key(id), r); err == nil || errors.Is(err, ErrEnded) {
				s.leave(ctx, s.meta.Extras.Companion)
				s.m.unlist(last.facts.Principal, s.m.key(id))
				s.copies = slices.DeleteFunc(s.copies, func(t try) bool { return t.id == id })
			}
		}
	}
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
		s.note(s.m.deleteCompanion(ctx, id))
	}
	s.m.unlist(s.meta.Principal, s.key)
	s.owed = owesDeletion
	return nil
}

func (s *Session) retire(ctx context.Context, key string, r store.Retirement) (had store.Extras, err error) {
	err = s.call(ctx, func() (status store.Status, err error) {
		status, had, err = s.m.retire(ctx, key, r)
		return status, err
	})
	return had, err
}
