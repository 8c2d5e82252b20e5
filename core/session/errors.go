package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/berthgo/berth/core/internal/values"
)

// What can go wrong, to be tested for with [errors.Is].
var (
	// ErrNoValue says that the session has no value under that key.
	ErrNoValue = errors.New("session: no value under that key")

	// ErrLockTimeout says that another request had the session for longer than LockWait, or that
	// too many wait for it already. The error is a [*LockTimeoutError]. There is no session to go
	// on with: answer 503, and let the client try again.
	ErrLockTimeout = errors.New("session: held by another request")

	// ErrLockLost says that the lease ran out, and that nothing was written. The handler took
	// longer than LockHold, or Redis could not be reached.
	ErrLockLost = errors.New("session: the lease was lost, nothing was written; see Options.LockTTL and LockHold")

	// ErrEnded says that the session has expired, or that another request has abandoned, rotated or
	// ended it, and that the changes were not written.
	ErrEnded = errors.New("session: ended or rotated meanwhile, changes were not written")

	// ErrForged says that the session's principal, proof or time of sign-in does not match any of
	// Options.EncryptionKeys. Somebody has changed it in Redis, or the session was saved without
	// keys. Nothing of it is used, and every request with its cookie gets this error. End it:
	// with [Manager.End] and the cookie's ID, or with [Manager.EndHandle] and the handle, which is
	// in the message.
	ErrForged = errors.New("session: its facts do not go with any of Options.EncryptionKeys; was it saved without keys, or was its key taken out, or was it changed in Redis?")

	// ErrSealed says that the session was changed too late: after its commit or rollback, or after
	// a commit whose outcome is not known. The commit comes before the first byte of the response.
	// The change is lost: make it earlier.
	ErrSealed = errors.New("session: changed after its commit; change it before the first byte of the response")

	// ErrReadOnly says that a session begun [ReadOnly] or [Peek] was changed.
	ErrReadOnly = errors.New("session: changed, but begun ReadOnly or Peek; begin it Exclusive or Shared")

	// ErrTooLarge says that the session would be larger than MaxBytes, or have more values than
	// MaxFields. Nothing was written.
	ErrTooLarge = errors.New("session: larger than MaxBytes or MaxFields, nothing was written; store less, or raise the option")

	// ErrUnsent says that a handler took the connection over, as for a WebSocket, or sent the response
	// past the middleware, while the client had yet to get its new session ID, or to hear that its
	// session is gone. The headers of the framework are not sent any more, unless the handler writes
	// them itself. So create, rotate or abandon the session in a request before. Or call
	// [Session.Finish] and [Session.SetHeaders] first, with the header that the handshake sends.
	ErrUnsent = errors.New("session: created, rotated or abandoned in a request whose handler took the connection over or sent the response past the middleware, so that the cookie is not sent; do it in a request before, or call Finish, and SetHeaders with the header that is sent, such as the one that you give to Upgrade")

	// ErrTooManySessions says that the principal has Options.MaxPerPrincipal sessions already, and that
	// Options.RefuseOverLimit is set. Nothing was written, and the session is still open: it can be
	// committed again, when another session of the principal has ended, or be rolled back.
	ErrTooManySessions = errors.New("session: the principal has as many sessions as MaxPerPrincipal allows, nothing was written; sign out elsewhere first")

	// ErrClosed says that the Manager was closed.
	ErrClosed = errors.New("session: the manager is closed")

	// ErrNoPrincipal says that nobody has signed in: the session has no principal. Let the user sign in,
	// and call [Session.SetPrincipal].
	ErrNoPrincipal = errors.New("session: no principal: nobody has signed in with SetPrincipal")

	// ErrSignInTooOld says that the principal has signed in, but longer ago than this page allows.
	// Ask for the password again, and call [Session.Reauthenticated].
	ErrSignInTooOld = errors.New("session: signed in too long ago for this page; ask for the password again, and call Reauthenticated")

	// ErrUnknown says that there is no session of that ID or handle.
	ErrUnknown = errors.New("session: no session of that ID or handle")
)

// OpError is a failure of Redis, or on the way there, that outlasted all tries.
type OpError struct {
	Op  string // begin, commit, rollback, end, list, watch, ping, companion or handle end
	Err error  // what Redis or the connection said
}

func (e *OpError) Error() string { return "session: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns what Redis or the connection said.
func (e *OpError) Unwrap() error { return e.Err }

// LockTimeoutError is an [ErrLockTimeout] with the figures of the case.
type LockTimeoutError struct {
	Handle     string        // of the session
	Waited     time.Duration // how long this request waited
	LockWait   time.Duration // how long it would have waited; negative: it was not to wait
	LockTTL    time.Duration // after which the lease of a crashed process is free
	MaxWaiters int           // how many may wait in this process
	Full       bool          // so many were waiting already
}

func (e *LockTimeoutError) Error() string {
	switch {
	case e.LockWait < 0:
		return fmt.Sprintf("%v, and LockWait is negative: not to wait (LockTTL %v)", ErrLockTimeout, e.LockTTL)
	case e.Full:
		return fmt.Sprintf("%v, and MaxWaiters (%d) wait for it in this process already (LockWait %v, LockTTL %v)",
			ErrLockTimeout, e.MaxWaiters, e.LockWait, e.LockTTL)
	}
	return fmt.Sprintf("%v, given up after %v (LockWait %v, LockTTL %v)",
		ErrLockTimeout, e.Waited.Round(time.Millisecond), e.LockWait, e.LockTTL)
}

// Is reports whether target is [ErrLockTimeout].
func (e *LockTimeoutError) Is(target error) bool { return target == ErrLockTimeout }

// ValueError says which value cannot be encoded or decoded. What the codec said is in the message only
// if it is about types, since it may quote the value. Unwrap returns it.
type ValueError struct {
	Op   string // encode, decode or decrypt
	Key  string // the value's key in the session
	Type string // the Go type
	Err  error  // what the codec said
}

func (e *ValueError) Error() string {
	switch e.Op {
	case "encode":
		return fmt.Sprintf("session: the value under %q, a %s, cannot be encoded%s; store a type that Options.Codec takes", e.Key, e.Type, values.OfTypes(e.Err))
	case "decrypt":
		return fmt.Sprintf("session: the value under %q cannot be decrypted; was its key taken out of Options.EncryptionKeys, or left out, or was the value stored before there were any?", e.Key)
	default:
		return fmt.Sprintf("session: the value under %q cannot be decoded as %s; was its type changed?", e.Key, e.Type)
	}
}

// Unwrap returns what the codec said.
func (e *ValueError) Unwrap() error { return e.Err }
