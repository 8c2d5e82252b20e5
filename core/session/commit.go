package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// Rollback gives up the session and its lease without writing anything. After a
// Commit that succeeded it does nothing, so it can be deferred right after
// [Manager.Begin]. It works even when ctx has ended, for 5 seconds at most, or as long as
// the client takes for a call, see [New]. If Redis cannot be reached, the lease runs out by itself.
func (s *Session) Rollback(ctx context.Context) {
	if !s.rollBack() || s.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := s.m.store.Release(ctx, s.key, s.lease.token); err != nil {
		s.m.fail(ctx, &OpError{Op: opRollback, Err: err})
	}
	s.lease.giveUp()
}

// rollBack returns false if there is nothing to roll back any more.
func (s *Session) rollBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return false
	}
	s.state = rolledBack
	s.m.stats.rolledBack.Add(1)
	return true
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
	return s.isNew && s.detached == attached && !s.abandon && (len(s.values) > 0 || s.principal != "")
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
	} else {
		s.state, s.detached = rolledBack, outage
		s.m.stats.rolledBack.Add(1)
	}
	if s.lease != nil {
		s.m.release(s.key, s.lease.token)
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
	token string // of the commit
	id    string // that the session gets, if it gets one
	delta delta
	facts store.Meta
	moved bool // the session is saved under that ID
}

// prepare makes the try of a commit: the last one, if it was the same.
func (s *Session) prepare(d delta, facts store.Meta) {
	if s.tried.token != "" && s.tried.facts == facts && s.tried.delta.equal(d) {
		return
	}
	if s.tried.id != "" {
		s.m.discard(s.m.key(s.tried.id))
	}
	s.tried = try{token: s.m.process.Token(), delta: d, facts: facts}
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
	s.prepare(d, facts)
	now := time.Now()
	sent, due := s.cookieSent(http, now)
	switch {
	case s.isNew:
		facts.Commit, facts.CookieSent, facts.Created = s.tried.token, sent, now
		err = s.create(ctx, facts, d)
	case s.rotate:
		facts.Commit, facts.CookieSent = s.tried.token, sent
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
	if http && now.Sub(s.meta.CookieSent) >= age/10 {
		return now, true
	}
	return time.Time{}, false
}

// create saves a new session under a new ID.
func (s *Session) create(ctx context.Context, facts store.Meta, d delta) error {
	if err := s.put(ctx, facts, d.sealed(s.codecOf(s.tried.id))); err != nil {
		return err
	}
	s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
	s.m.stats.created.Add(1)
	return nil
}

// put saves all of a session under the ID of this try.
func (s *Session) put(ctx context.Context, facts store.Meta, set []any) error {
	key := s.m.key(s.tried.id)
	return s.call(ctx, func() (store.Status, error) { return s.m.store.Create(ctx, key, facts, set) })
}

// write writes the changes, and gives the lease up if there is one.
func (s *Session) write(ctx context.Context, d delta, sent time.Time) error {
	c := store.Change{Token: s.tried.token, CookieSent: sent, Set: d.sealed(s.codec()), Delete: d.fields()}
	if s.timeout != s.meta.Timeout {
		c.Timeout = s.timeout
	}
	changed := !d.empty() || c.Timeout != 0
	var err error
	switch {
	case s.lease != nil:
		err = s.call(ctx, func() (store.Status, error) { return s.m.store.Commit(ctx, s.key, s.lease.token, c) })
	case changed || !sent.IsZero():
		err = s.call(ctx, func() (store.Status, error) { return s.m.store.Merge(ctx, s.key, c) })
	}
	if errors.Is(err, ErrEnded) && !changed {
		return nil // there was nothing to lose
	}
	return err
}

// move saves the whole session under a new ID and then retires the old one. The
// two are in different slots of a cluster, so it takes two calls. Until the second
// nobody knows the new ID: if the old one cannot be retired, it is taken back. If a
// Shared commit came in between, all is done once more with what that has written.
func (s *Session) move(ctx context.Context, facts store.Meta, d delta) error {
	after := s.meta.Commit
	stored := make(map[string]string, len(s.values))
	for key, v := range s.values {
		if v.stored {
			stored[key] = v.raw
		}
	}
	for {
		set, err := s.moved(stored, d)
		if err != nil {
			return err
		}
		if err := s.put(ctx, facts, set); err != nil {
			return err
		}
		s.tried.moved = true
		// The lease's token, so that a later try with other changes finds that an
		// earlier one has retired the ID.
		retirement := store.Retirement{Token: s.lease.token, Lease: s.lease.token, After: after}
		err = s.call(ctx, func() (store.Status, error) { return s.m.store.Retire(ctx, s.key, retirement) })
		var failed *OpError
		switch {
		case err == nil:
			s.id, s.meta, s.owed = s.tried.id, facts, owesCookie
			return nil
		case errors.As(err, &failed):
			return err
		}
		s.m.discard(s.m.key(s.tried.id))
		s.tried.moved = false
		if !errors.Is(err, errChanged) {
			return err
		}
		var l store.Loaded
		err = s.m.call(ctx, opCommit, func(int) (err error) {
			l, err = s.m.store.Load(ctx, s.key)
			return err
		})
		switch {
		case err != nil:
			return err
		case l.Status != store.Done:
			return ErrEnded
		}
		after = l.Meta.Commit
		if s.timeout == s.meta.Timeout {
			facts.Timeout = l.Meta.Timeout
		}
		stored = make(map[string]string, l.Len())
		for key, raw := range l.Fields {
			stored[key] = raw
		}
		s.tried.id = newID()
	}
}

// end ends the session.
func (s *Session) end(ctx context.Context) error {
	r := store.Retirement{Token: s.tried.token}
	if s.lease != nil {
		r.Lease = s.lease.token
	}
	err := s.call(ctx, func() (store.Status, error) { return s.m.store.Retire(ctx, s.key, r) })
	switch {
	case errors.Is(err, ErrEnded):
		// By somebody else: what was wanted has happened. The client may have a
		// new cookie by now, so it is not told to delete its own.
		return nil
	case err != nil:
		return err
	}
	s.m.stats.ended.Add(1)
	s.owed = owesDeletion
	return nil
}

// discard removes a session that nobody knows the ID of.
func (m *Manager) discard(key string) {
	m.cleanup(func(ctx context.Context) {
		_, _ = m.store.Retire(ctx, key, store.Retirement{Token: m.process.Token()})
	})
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

// delta is what a commit changes.
type delta struct {
	set     []string // keys, sorted
	encoded [][]byte // their values, before encryption
	deleted []string // keys, sorted
}

func (d delta) empty() bool { return len(d.set) == 0 && len(d.deleted) == 0 }

// sealed is the list of fields and values to write.
func (d delta) sealed(c codec) []any {
	list := make([]any, 0, 2*len(d.set))
	for i, key := range d.set {
		list = append(list, key, c.seal(key, d.encoded[i]))
	}
	return list
}

// fields is the list of fields to delete.
func (d delta) fields() []any {
	list := make([]any, len(d.deleted))
	for i, key := range d.deleted {
		list[i] = key
	}
	return list
}

func (d delta) equal(other delta) bool {
	return slices.Equal(d.set, other.set) && slices.Equal(d.deleted, other.deleted) &&
		slices.EqualFunc(d.encoded, other.encoded, bytes.Equal)
}

// delta compares the session with what Redis has. It changes nothing, so that a
// commit that fails can be tried again.
func (s *Session) delta() (delta, error) {
	var d delta
	c := s.codec()
	size := s.size + len(s.principal) - len(s.meta.Principal)
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		v := s.values[key]
		if v.deleted {
			size -= len(key) + len(v.raw)
			d.deleted = append(d.deleted, key)
			continue
		}
		if len(v.views) == 0 {
			continue
		}
		content, changed, err := c.content(key, v)
		if err != nil {
			return delta{}, err
		}
		if !changed {
			continue
		}
		if v.stored {
			size -= len(key) + len(v.raw)
		}
		size += len(key) + len(content) + s.m.sealer.overhead()
		d.set, d.encoded = append(d.set, key), append(d.encoded, content)
	}
	if size > s.m.options.MaxBytes && size > s.size {
		return delta{}, fmt.Errorf("%w (it would have %d bytes, MaxBytes is %d)", ErrTooLarge, size, s.m.options.MaxBytes)
	}
	return d, nil
}

// moved is the list of all fields and values after a change to what is stored,
// encrypted for the ID of this try.
func (s *Session) moved(stored map[string]string, d delta) ([]any, error) {
	from, to := s.codec(), s.codecOf(s.tried.id)
	list := d.sealed(to)
	for key, raw := range stored {
		_, set := slices.BinarySearch(d.set, key)
		_, deleted := slices.BinarySearch(d.deleted, key)
		if set || deleted {
			continue
		}
		value := any(raw)
		if s.m.sealer != nil {
			plain, err := from.open(key, raw)
			switch {
			case errors.Is(err, errUnknownKey):
				// With that key it is readable, and would not be any more.
				return nil, err
			case err == nil:
				value = to.seal(key, plain)
			}
		}
		list = append(list, key, value)
	}
	return list, nil
}
