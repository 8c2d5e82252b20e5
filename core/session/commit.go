package session

import (
	"context"
	"errors"
	"fmt"
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
// large. The first wrong change, such as one of a [ReadOnly] session, makes every
// Commit fail with it. With FailSilently an [*OpError] is not returned, and found
// in [Session.Err].
func (s *Session) Commit(ctx context.Context) error {
	return s.commit(ctx, false)
}

// commitTime bounds the commit of a response, besides RetryTimeout.
const commitTime = 5 * time.Second

// Finish is the Commit of an HTTP middleware: a client that hung up does not
// cancel it, as it goes on without ctx's end for RetryTimeout and 5 seconds; and
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
// [Manager.Begin]. It works even when ctx has ended, for 5 seconds at most. If Redis
// cannot be reached, the lease runs out by itself.
func (s *Session) Rollback(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return
	}
	s.state = rolledBack
	s.m.stats.rolledBack.Add(1)
	if s.lease == nil {
		return
	}
	defer s.lease.pass.Leave()
	s.lease.giveUp()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := s.m.store.Release(ctx, s.key, s.lease.token); err != nil {
		s.m.fail(ctx, &OpError{Op: "rollback", Err: err})
	}
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

// silence makes a session of one whose commit failed in FailSilently mode.
func (s *Session) silence(err error) {
	s.Rollback(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.detached, s.owed = err, outage, owesNothing
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
	wrote, err := s.save(ctx, http)
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
	if s.lease != nil {
		s.lease.giveUp()
		s.lease.pass.Leave()
	}
	return wrote, err
}

// save does what the session's state asks for.
func (s *Session) save(ctx context.Context, http bool) (delta, error) {
	switch {
	case s.savesNothing():
		return delta{}, nil
	case s.abandon:
		return delta{}, s.end(ctx)
	}
	d, err := s.delta()
	if err != nil {
		return delta{}, err
	}
	meta := store.Meta{
		Timeout: s.timeout, Created: s.meta.Created, CookieSent: s.meta.CookieSent,
		Commit: s.commitToken(), Principal: s.principal,
	}
	renewed := false // the cookie's age is due
	if age := s.m.options.Cookie.MaxAge; age > 0 {
		first := s.isNew || s.rotate
		renewed = http && !first && time.Since(meta.CookieSent) >= age/10
		if first || renewed {
			meta.CookieSent = time.Now()
		}
	}
	c := store.Change{Meta: meta}
	changed := !d.empty() || meta.Timeout != s.meta.Timeout || meta.Principal != s.meta.Principal ||
		!meta.CookieSent.Equal(s.meta.CookieSent)
	switch {
	case s.isNew:
		err = s.create(ctx, c, d)
	case s.rotate:
		err = s.move(ctx, c)
	case s.access == Exclusive:
		err = s.write(ctx, c, d, changed)
	case changed:
		err = s.merge(ctx, c, d)
	}
	if renewed && err == nil {
		s.owed = owesCookie
	}
	return d, err
}

func (s *Session) commitToken() string {
	if s.token == "" {
		if s.lease != nil {
			s.token = s.lease.token
		} else {
			s.token = s.m.process.Token()
		}
	}
	return s.token
}

// create saves a new session under a new ID.
func (s *Session) create(ctx context.Context, c store.Change, d delta) error {
	if s.next == "" {
		s.next = newID()
	}
	key := s.m.key(s.next)
	c.Meta.Created = time.Now()
	c.Set = d.sealed(codec{s.m.options.Codec, s.m.sealer, key})
	err := s.call(ctx, func() (store.Status, error) { return s.m.store.Create(ctx, key, c) })
	if err != nil {
		return err
	}
	s.id, s.meta, s.owed = s.next, c.Meta, owesCookie
	s.m.stats.created.Add(1)
	return nil
}

// write writes the changes under the lease, and gives it up.
func (s *Session) write(ctx context.Context, c store.Change, d delta, changed bool) error {
	c.Set, c.Delete = d.sealed(s.codec()), d.fields()
	s.lease.committing(true)
	defer s.lease.committing(false)
	err := s.call(ctx, func() (store.Status, error) { return s.m.store.Commit(ctx, s.key, c) })
	if errors.Is(err, ErrEnded) && !changed {
		return nil // there was nothing to lose
	}
	return err
}

// merge writes the changes without a lease.
func (s *Session) merge(ctx context.Context, c store.Change, d delta) error {
	c.Set, c.Delete = d.sealed(s.codec()), d.fields()
	if c.Meta.Timeout == s.meta.Timeout {
		c.Meta.Timeout = 0 // somebody else may have changed it meanwhile
	}
	if c.Meta.CookieSent.Equal(s.meta.CookieSent) {
		c.Meta.CookieSent = time.Time{}
	}
	return s.call(ctx, func() (store.Status, error) { return s.m.store.Merge(ctx, s.key, c) })
}

// move saves the whole session under a new ID and then retires the old one. The
// two are in different slots of a cluster, so it takes two calls. Until the second
// nobody knows the new ID: if the lease turns out to be lost, it is taken back.
func (s *Session) move(ctx context.Context, c store.Change) error {
	if s.next == "" {
		s.next = newID()
	}
	key := s.m.key(s.next)
	var err error
	if c.Set, err = s.all(codec{s.m.options.Codec, s.m.sealer, key}); err != nil {
		return err
	}
	s.lease.committing(true)
	defer s.lease.committing(false)
	err = s.call(ctx, func() (store.Status, error) { return s.m.store.Create(ctx, key, c) })
	if err != nil {
		return err
	}
	err = s.call(ctx, func() (store.Status, error) {
		return s.m.store.Retire(ctx, s.key, s.lease.token, true)
	})
	if err == nil {
		s.id, s.meta, s.owed = s.next, c.Meta, owesCookie
		return nil
	}
	if errors.Is(err, ErrLockLost) || errors.Is(err, ErrEnded) {
		s.m.discard(key)
	}
	return err
}

// end ends the session.
func (s *Session) end(ctx context.Context) error {
	if s.lease != nil {
		s.lease.committing(true)
		defer s.lease.committing(false)
	}
	err := s.call(ctx, func() (store.Status, error) {
		return s.m.store.Retire(ctx, s.key, s.commitToken(), s.lease != nil)
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
	s.owed = owesDeletion
	return nil
}

// discard removes a session that nobody knows the ID of.
func (m *Manager) discard(key string) {
	m.cleanup(func(ctx context.Context) { _, _ = m.store.Retire(ctx, key, m.process.Token(), false) })
}

// call runs an operation of a commit and turns its status into an error.
func (s *Session) call(ctx context.Context, try func() (store.Status, error)) error {
	var status store.Status
	err := s.m.call(ctx, "commit", func() (err error) {
		status, err = try()
		return err
	})
	switch {
	case err != nil:
		return err
	case status == store.Lost:
		return ErrLockLost
	case status != store.Done:
		return ErrEnded
	}
	return nil
}

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

// delta compares the session with what Redis has. It changes nothing, so that a
// commit that fails can be tried again.
func (s *Session) delta() (delta, error) {
	var d delta
	c := s.codec()
	for key, v := range s.values {
		if v.deleted {
			d.deleted = append(d.deleted, key)
		} else if v.touched() {
			d.set = append(d.set, key)
		}
	}
	slices.Sort(d.deleted)
	slices.Sort(d.set)

	size := s.size
	for _, key := range d.deleted {
		size -= len(key) + len(s.values[key].raw)
	}
	touched := d.set
	d.set = d.set[:0]
	for _, key := range touched {
		v := s.values[key]
		encoded, err := c.changed(key, v)
		if err != nil {
			return delta{}, err
		}
		if encoded == nil {
			continue
		}
		if v.stored {
			size -= len(key) + len(v.raw)
		}
		size += len(key) + len(encoded) + s.m.sealer.overhead()
		d.set, d.encoded = append(d.set, key), append(d.encoded, encoded)
	}
	if size > s.m.options.MaxBytes && size > s.size {
		return delta{}, fmt.Errorf("%w (it would have %d bytes, MaxBytes is %d)", ErrTooLarge, size, s.m.options.MaxBytes)
	}
	return d, nil
}

// all is the list of all fields and values, encrypted for another session ID.
func (s *Session) all(to codec) ([]any, error) {
	from := s.codec()
	list := make([]any, 0, 2*len(s.values))
	for _, key := range s.keys() {
		v := s.values[key]
		encoded, err := from.changed(key, v)
		if err != nil {
			return nil, err
		}
		switch {
		case encoded != nil:
			list = append(list, key, to.seal(key, encoded))
		case s.m.sealer == nil:
			list = append(list, key, v.raw)
		default:
			plain, err := from.open(key, v.raw)
			if err != nil {
				list = append(list, key, v.raw) // unreadable before, unreadable after
				continue
			}
			list = append(list, key, to.seal(key, plain))
		}
	}
	return list, nil
}
