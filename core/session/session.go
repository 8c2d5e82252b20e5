package session

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/values"
)

// Session is one request's handle on one session. It is safe for concurrent use
// by the goroutines of one handler. Methods that change it return nothing: what
// is wrong sticks, is seen in [Session.Err], and is what [Session.Commit] returns.
type Session struct {
	m      *Manager
	access Access
	lease  *lease.Lease // only of an Exclusive session that exists

	context sessionContext

	trusted bool // begun by its handle alone, so that there is nothing to compare
	bound   bool // begun for work outside HTTP: no client would get another secret

	mu       sync.Mutex
	state    state
	detached detachment
	previous Reason // why the session ended that the client had before
	handle   string // names the session for life; "" until a new one needs it
	id       string // what the client holds; "" if it is not saved, or not known
	proof    string // that Redis has of the ID
	began    string // what that was when the request began, "" for a new session
	isNew    bool
	meta     store.Meta // as loaded
	values   values.Values
	invalid  error    // the first wrong change
	err      error    // what failed
	noted    []error  // what failed beside a commit, to be reported once mu is free
	then     []func() // what is to be done beside the request, once mu is free
	started  bool     // OnStart was called

	timeout       time.Duration
	principal     string
	authenticated time.Time // by this request; zero if it did not
	companion     *string   // to be written
	rotate        bool
	switched      bool       // it was another user's: what was that one's goes
	identity      bool       // it was to rotate, or to change whose it is, or to end
	dropped       bool       // it was changed in vain
	leaving       *departure // what it was before Abandon
	rolled        bool       // Rollback was called

	planned *plan // the commit, nil before its first try
	owed    owed  // what the response has to tell the client
}

var noTime time.Time

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

// ID returns the session ID: a credential, not to be logged. It is "" for a
// session that is not saved yet, for a detached one, and for one that was begun by its handle.
// [Session.Rotate] and [Session.SetPrincipal] take effect on it at the commit.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Handle returns the first half of the session ID, which names the session from its first
// commit to its end. It opens nothing, so that a page or a log may show it, as [Info] does. A
// session that is not saved yet gets its handle when it is first asked for, so one that is never
// saved has another in each request; a detached one has none, "".
func (s *Session) Handle() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle == "" && s.detached == attached {
		s.handle = credential.NewHandle()
	}
	return s.handle
}

// PreviousEnd returns why the session ended that the client had before this one: [Operator],
// which may have been the user elsewhere, or [Replaced]. It is known for as long as that would have lived, 24 hours at most, to a request
// with the last ID of it. Otherwise it is "".
func (s *Session) PreviousEnd() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.previous
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
// works like any other until the request ends. What is set in it is lost, and Commit returns nil;
// if another request is the reason, OnError and Logger hear of it once, as [ErrEnded].
func (s *Session) Detached() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.detached != attached
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

// Lost returns a channel that is closed when the session's lease was lost: a
// commit would be [ErrLockLost] or [ErrEnded]. A handler that runs for long can
// stop early. For a session that holds no lease the channel is nil.
func (s *Session) Lost() <-chan struct{} { return s.lease.Lost() }

// saves tells whether a commit creates the session. Outside a request nobody would find one.
func (s *Session) saves() bool {
	return s.isNew && s.detached == attached && !s.bound && (s.values.Touched() || s.principal != "" || s.companion != nil)
}

// savesNothing tells whether a commit has nothing to tell Redis of this session, be it new.
func (s *Session) savesNothing() bool {
	return s.detached != attached || s.access == ReadOnly || s.isNew && !s.saves()
}

// idle tells whether a commit makes no call to Redis.
func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.savesNothing() && s.leaving == nil
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
		s.m.fail(context.Background(), err)
	}
}

// tryChange returns what no commit will report.
func (s *Session) tryChange(op string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.state == inDoubt:
		// The commit may be repeated, and this is not in it.
		return fmt.Errorf("%w (%s: the outcome of the commit is not known, so it can be repeated, and not changed)", ErrSealed, op)
	case s.state != open:
		err = fmt.Errorf("%w (%s)", ErrSealed, op)
	case s.access == ReadOnly:
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

// errNone says that nothing is done with access None, where that must not be overlooked.
func errNone(op string) error {
	return fmt.Errorf("session: %s with None access: nothing is saved; begin it Exclusive or Shared", op)
}

// Format prints that this is a session, and nothing of it: the ID is a credential
// and the values may be.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session.Session{…}") }
