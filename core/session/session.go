package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/principal"
	"github.com/berthgo/berth/core/internal/values"
	"github.com/berthgo/berth/core/internal/watch"
)

// Session is one session in the hands of one request. It is safe for concurrent use by the
// goroutines of one handler. Methods that change it return nothing: the first error stays, in
// [Session.Err], and [Session.Commit] returns it.
type Session struct {
	m       *Manager
	context sessionContext
	opened  opening // what it was begun with

	required Requirement // what middlewares demand; under mu

	mu sync.Mutex
	content
}

// content is what a request has of its session. [Adapter.ChangeAccess] replaces all of it.
type content struct {
	access  Access
	lease   *lease.Lease // only of an Exclusive session that exists
	trusted bool         // begun by its handle alone, so that no proof is compared
	bound   bool         // begun for work outside HTTP, so that no client would get a new ID

	state    state
	detached detachment
	previous Reason // why the session ended that the client had before
	handle   string // names the session for life; "" until a new one needs it
	id       string // what the client holds; "" if it is not saved, or not known
	proof    string // what Redis has of the ID
	began    string // the proof when the request began, "" for a new session
	draft    draft.Draft
	expires  time.Time // with Peek: when, as Redis said
	values   values.Values
	looked   bool            // somebody has read or changed it
	reported map[string]bool // keys of values that cannot be decoded, and of which OnError knows
	invalid  error           // the first wrong change
	err      error           // what failed
	noted    []error         // what failed beside a commit, to be reported once mu is free
	then     []func()        // what is to be done beside the request, once mu is free
	started  bool            // OnStart was called
	watches  []*watch.Watch  // those that the commit must tell of its own changes

	identity bool                 // the request signs in or out, rotates or abandons
	dropped  bool                 // a change was lost, as the session is detached
	leaving  *principal.Departure // the session before Abandon
	finished bool                 // Rollback was called

	planned *plan // the commit, nil before its first try
	owed    owed  // what the response has to tell the client
	told    bool  // by the last SetHeaders
}

type state int

const (
	open    state = iota
	inDoubt       // a commit failed, and may have been written: it can only be repeated
	sealed
	rolledBack
)

// detachment is why a session is detached, if it is.
type detachment int

const (
	attached detachment = iota
	outage              // Redis failed and FailSilently is set
	ended               // another request has abandoned it
	rotated             // another request has rotated its ID
	unused              // access None
)

// ID returns the session ID. It is a credential: do not log it. It is "" for a session that is not
// saved yet, for a detached one, and for one that was begun by its handle. [Session.Rotate] and
// [Session.SetPrincipal] change it at the commit.
func (s *Session) ID() string {
	s.look()
	defer s.mu.Unlock()
	return s.id
}

// Handle returns the first half of the session ID. It names the session from its first commit to
// its end, and opens nothing: a page or a log may show it. A session that is not saved yet gets
// its handle when Handle is first called, so one that is never saved has another handle in each
// request. A detached session has none: "".
func (s *Session) Handle() string {
	s.look()
	defer s.mu.Unlock()
	if s.handle == "" && s.detached == attached {
		s.handle = credential.NewHandle()
	}
	return s.handle
}

// name is the handle that the session has by now, for those who are told of it.
func (s *Session) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle
}

// PreviousEnd returns why the session ended that the client had before this one: [Operator]
// (which may have been the user, elsewhere) or [Replaced]. It is known to requests with the last
// ID of that session, for as long as it would have lived, but at most for 24 hours. Otherwise it
// is "".
func (s *Session) PreviousEnd() Reason {
	s.look()
	defer s.mu.Unlock()
	return s.previous
}

// IsNew tells whether the session did not exist before this request.
func (s *Session) IsNew() bool {
	s.look()
	defer s.mu.Unlock()
	return s.draft.New
}

// look locks the session for somebody whose response may depend on it.
func (s *Session) look() {
	s.mu.Lock()
	s.looked = true
}

// Access returns how the session was begun.
func (s *Session) Access() Access {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access
}

// Detached tells whether the session is empty and will not be saved. There are three reasons:
// Redis has failed and FailSilently is set ([Session.Err] says how); another request has logged out
// or rotated the ID in the last minute; or access is None.
//
// A detached session works like any other until the request ends. What is set in it is lost, and
// Commit returns nil. If another request is the reason, that loss is reported to OnError and
// Logger once, as [ErrEnded].
func (s *Session) Detached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detached != attached
}

// CreatedAt returns when the session was first saved, by the clock of the process that saved it.
// For a session that is not saved yet it is the zero time.
func (s *Session) CreatedAt() time.Time {
	s.look()
	defer s.mu.Unlock()
	return s.draft.Saved.Created
}

// Err returns what went wrong in this request: the first wrong change, the error of a failed
// commit, or why Redis failed if the session is detached for that. Otherwise it is nil.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.invalid != nil {
		return s.invalid
	}
	return s.err
}

// Lost returns a channel that is closed when the session's lease is lost, so that a handler that
// runs for long can stop: its commit would fail with [ErrLockLost] or [ErrEnded]. Without a lease
// the channel is nil.
func (s *Session) Lost() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease.Lost()
}

// saves tells whether a commit creates the session. One that was begun for work outside a request
// never is: nobody would get its ID.
func (s *Session) saves() bool {
	return s.draft.New && s.detached == attached && !s.bound && (s.values.Used() || s.draft.Principal != "" || s.draft.Companion != nil)
}

// savesNothing tells whether a commit leaves this session alone in Redis.
func (s *Session) savesNothing() bool {
	return s.detached != attached || s.access.reads() || s.draft.New && !s.saves()
}

// idle tells whether a commit makes no call to Redis.
func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.savesNothing() && s.leaving == nil && !s.resends(true)
}

// resends tells whether a commit sends the cookie of a session that is only read again.
func (s *Session) resends(http bool) bool {
	return s.access == ReadOnly && s.detached == attached && s.id != "" && http && s.draft.CookieIsDue(&s.m.rules, time.Now())
}

// begunIn tells whether err is why the session is detached, of which Begin has told.
func (s *Session) begunIn(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == open && s.detached == outage && errors.Is(err, s.err)
}

// hides tells whether the handler is to go on as if there had been no error.
func (s *Session) hides(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.silenced(err) && !s.identity
}

// change runs f if the session may be changed, and keeps the first error.
func (s *Session) change(op string, f func() error) {
	if err := s.tryChange(op, f); err != nil {
		// No commit will report this one.
		s.fail(context.Background(), err)
	}
}

// tryChange returns the error if no commit will report it.
func (s *Session) tryChange(op string, f func() error) error {
	s.look()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.state == inDoubt:
		// The commit may be repeated, and this is not in it.
		return fmt.Errorf("%w (%s: the outcome of the commit is not known, so it can be repeated, and not changed)", ErrSealed, op)
	case s.state != open:
		err = fmt.Errorf("%w (%s)", ErrSealed, op)
	case s.access.reads():
		err = fmt.Errorf("%w (%s)", ErrReadOnly, op)
	default:
		s.dropped = s.dropped || s.detached == ended || s.detached == rotated
		err = f()
	}
	if s.invalid == nil {
		s.invalid = err
	}
	if s.state == open {
		return nil // the commit reports it
	}
	return err
}

// errNone says that a change that must not get lost is not done with access None.
func errNone(op string) error {
	return fmt.Errorf("session: %s with None access: nothing is saved; begin it Exclusive or Shared", op)
}

// Format prints nothing of the session: the ID is a credential, and values may be secret.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session.Session{…}") }
