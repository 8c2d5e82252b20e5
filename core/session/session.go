package session

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Session is one request's handle on one session. It is safe for concurrent use
// by the goroutines of one handler. Methods that change it return nothing: what
// is wrong sticks, is seen in [Session.Err], and is what [Session.Commit] returns.
type Session struct {
	m      *Manager
	access Access
	lease  *lease // only of an Exclusive session that exists

	context sessionContext

	mu       sync.Mutex
	state    state
	detached detachment
	ended    bool   // it is part of an Ended
	id       string // "" until a new session is saved
	key      string // what names the Redis keys, and values are bound to
	tried    try    // the last commit whose outcome is not known
	copies   []try  // earlier ones that may have saved the session under an ID that nobody knows
	isNew    bool
	meta     store.Meta        // as loaded
	stored   map[string]string // what Redis has
	values   map[string]*value // those that the handler has got or changed
	latest   *store.Loaded     // what a Shared commit left while this one moved the session, nil if none did
	invalid  error             // the first wrong change
	err      error             // what failed
	noted    []error           // what failed beside a commit, to be reported once mu is free
	started  bool              // OnStart was called

	timeout   time.Duration
	principal string
	companion *string // to be created
	rotate    bool
	abandon   bool

	owed owed // what the response has to tell the client
}

type state int

const (
	open state = iota
	sealed
	rolledBack
)

// detachment is why a session is detached, if it is.
type detachment int

const (
	attached detachment = iota
	outage              // Redis failed and FailSilently is set
	retired             // the ID was, by a logout or rotation in another request
	unused              // access None
)

// value returns what is known of the value under key, nil if there never was one.
func (s *Session) value(key string) *value {
	v := s.values[key]
	if v == nil {
		if raw, stored := s.stored[key]; stored {
			v = s.add(key, value{stored: true, raw: raw})
		}
	}
	return v
}

func (s *Session) add(key string, v value) *value {
	if s.values == nil {
		s.values = make(map[string]*value)
	}
	s.values[key] = &v
	return &v
}

func (s *Session) codec() codec { return codec{s.m.options.Codec, s.m.sealer, s.key} }

func (s *Session) codecOf(id string) codec {
	return codec{s.m.options.Codec, s.m.sealer, s.m.key(id)}
}

// ID returns the session ID: a credential, not to be logged. It is "" for a
// session that is not saved yet, and for a detached one. [Session.Rotate] takes
// effect on it at the commit.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// IsNew tells whether the session did not exist before this request.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isNew
}

// Access returns how the session was begun.
func (s *Session) Access() Access { return s.access }

// Detached tells whether the session is empty and will not be saved: because
// Redis failed and FailSilently is set ([Session.Err] then says how), because another
// request logged out or rotated the ID a moment ago, or because access is None. It
// works like any other until the request ends.
func (s *Session) Detached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detached != attached
}

func (s *Session) isRetired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detached == retired
}

// CreatedAt returns when the session was first saved, by the clock of the process that did; the
// zero time for one that was not.
func (s *Session) CreatedAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meta.Created
}

// Err returns what went wrong in this request: the first wrong change, a failed
// commit, or what Redis said if the session is detached for that; nil otherwise.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.invalid != nil {
		return s.invalid
	}
	return s.err
}

// Has tells whether there is a value under key, be it nil.
func (s *Session) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.values[key]; v != nil {
		return !v.deleted
	}
	_, stored := s.stored[key]
	return stored
}

// Keys returns the keys of all values, sorted.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys()
}

func (s *Session) keys() []string {
	keys := make([]string, 0, len(s.stored)+len(s.values))
	for key, v := range s.values {
		if !v.deleted {
			keys = append(keys, key)
		}
	}
	for key := range s.stored {
		if s.values[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Len returns the number of values.
func (s *Session) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.stored)
	for _, v := range s.values {
		switch {
		case v.deleted:
			n-- // only what is stored can be
		case !v.stored:
			n++
		}
	}
	return n
}

// Set puts a value under key. It is encoded at the commit, so a pointer, map or
// slice may still be changed until then. A nil is a value. The key must not be
// empty nor "_berth", which is the engine's.
func (s *Session) Set(key string, v any) {
	s.change("Set of "+strconv.Quote(key), func() error {
		if key == "" || key == store.MetaField {
			return fmt.Errorf("session: Set with the key %q: it must not be empty, and %s is the engine's own", key, store.MetaField)
		}
		old := s.value(key)
		if old == nil {
			old = s.add(key, value{})
		}
		old.deleted, old.views, old.truth, old.seen = false, []view{{v: v, set: true}}, nil, nil
		return nil
	})
}

// Delete removes the value under key, if there is one.
func (s *Session) Delete(key string) {
	s.change("Delete of "+strconv.Quote(key), func() error {
		s.delete(key)
		return nil
	})
}

// Clear removes all values. The session, its ID and its principal stay; to end
// it there is [Session.Abandon].
func (s *Session) Clear() {
	s.change("Clear", func() error {
		for _, key := range s.keys() {
			s.delete(key)
		}
		return nil
	})
}

func (s *Session) delete(key string) {
	v := s.value(key)
	switch {
	case v == nil:
	case v.stored:
		v.deleted, v.views, v.truth, v.seen = true, nil, nil, nil
	default:
		delete(s.values, key)
	}
}

// SetTimeout sets the idle timeout of this session, for this and all later
// requests, in place of Options.Timeout. It must be at least a millisecond.
func (s *Session) SetTimeout(d time.Duration) {
	s.change("SetTimeout", func() error {
		if d < time.Millisecond {
			return fmt.Errorf("session: SetTimeout(%v): it must be at least 1ms; to end the session there is Abandon", d)
		}
		s.timeout = d.Truncate(time.Millisecond)
		return nil
	})
}

// Principal returns the user that the session belongs to, "" if none.
func (s *Session) Principal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.principal
}

// SetPrincipal says that the session belongs to a user from now on, or with ""
// to none. A change of it rotates the session ID at the commit, so that an ID that
// was planted before a login is worth nothing after it. It needs [Exclusive], unless
// the session is new.
//
// With FailSilently, look at [Session.Detached] before you tell a user that they are
// logged in, or out: during an outage neither happens.
//
// In a request whose session is detached because another one logged out or
// rotated the ID, a principal other than "" turns the session into a new one.
func (s *Session) SetPrincipal(principal string) {
	s.change("SetPrincipal", func() error {
		if s.detached == retired && principal != "" {
			s.detached, s.isNew = attached, true
		}
		if principal == s.principal {
			return nil
		}
		if !s.isNew && s.detached == attached {
			if s.access != Exclusive {
				return fmt.Errorf("session: SetPrincipal with %v access: it rotates the ID, which needs Exclusive", s.access)
			}
			s.rotate = true
		}
		s.principal = principal
		return nil
	})
}

// Rotate moves the session to a new ID at the commit. The old one is retired: for
// a minute, a request that still carries it gets a detached session. Call it when
// what the session may do changes. It needs [Exclusive].
func (s *Session) Rotate() {
	s.change("Rotate", func() error {
		if s.access != Exclusive {
			return fmt.Errorf("session: Rotate with %v access: it needs Exclusive", s.access)
		}
		s.rotate = !s.isNew
		return nil
	})
}

// Abandon ends the session at the commit: its values are gone, its ID is retired
// for a minute, the client's cookie is deleted. Changes before and after it are
// not saved. A detached session has nothing to end.
func (s *Session) Abandon() {
	s.change("Abandon", func() error {
		s.abandon = true
		return nil
	})
}

// change runs f if the session may be changed, and keeps the first error.
func (s *Session) change(op string, f func() error) {
	err := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		var err error
		switch {
		case s.state != open:
			err = fmt.Errorf("%w (%s)", ErrSealed, op)
		case s.access == ReadOnly:
			err = fmt.Errorf("%w (%s)", ErrReadOnly, op)
		default:
			err = f()
		}
		if s.invalid == nil {
			s.invalid = err
		}
		if s.state == open {
			return nil // the commit reports it
		}
		return err
	}()
	if err != nil {
		// No commit will report this one.
		s.m.fail(context.Background(), err)
	}
}

// Format prints that this is a session, and nothing of it: the ID is a credential
// and the values may be.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session.Session{…}") }
