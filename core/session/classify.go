package session

import (
	"errors"
	"strings"

	"github.com/berthgo/berth/core/internal/explain"
)

// Classify tells, in words of two short lists, which operation an error of berth is about and what kind
// it is, as for the labels of a metric. Nothing of the error's text is in them.
//
// The operations are begin, use, encode, decode, decrypt, commit, response, rollback, end, list, watch,
// ping, companion, handle_end and other. The kinds are the names of this package's errors, such as
// lock_timeout and lock_lost; value for a [*ValueError]; panic; timeout, canceled and connection; what Redis
// says, such as READONLY, if berth knows it, or else redis; and _OTHER, also for what a handler of
// ends returns. Both are "" if err is nil.
func Classify(err error) (op, kind string) {
	if err == nil {
		return "", ""
	}
	var failed *OpError
	var value *ValueError
	op, kind = byName(err)
	switch {
	case errors.As(err, new(*endError)):
		op = "handle_end"
	case errors.As(err, &failed):
		op = strings.ReplaceAll(failed.Op, " ", "_")
	}
	switch {
	case kind != "":
	case errors.As(err, &value):
		op, kind = value.Op, "value"
	default:
		kind = explain.Kind(err)
	}
	if op == "" {
		op = "other"
	}
	return op, kind
}

// byName looks among the errors of this package.
func byName(err error) (op, kind string) {
	for _, n := range []struct {
		err      error
		op, kind string
	}{
		{ErrLockTimeout, opBegin, "lock_timeout"},
		{ErrForged, opBegin, "forged"},
		{ErrSealed, "use", "sealed"},
		{ErrReadOnly, "use", "read_only"},
		{ErrNoValue, "use", "no_value"},
		{ErrNoPrincipal, "use", "no_principal"},
		{ErrSignInTooOld, "use", "sign_in_too_old"},
		{ErrLockLost, opCommit, "lock_lost"},
		{ErrEnded, opCommit, "ended"},
		{ErrTooLarge, opCommit, "too_large"},
		{ErrTooManySessions, opCommit, "too_many_sessions"},
		{ErrUnsent, "response", "unsent"},
		{ErrUnknown, "", "unknown"},
		{ErrClosed, "", "closed"},
		{errPanicked, "", "panic"},
	} {
		if errors.Is(err, n.err) {
			return n.op, n.kind
		}
	}
	return "", ""
}

// endError is a failure of HandleEnd, so that Classify knows it.
type endError struct{ err error }

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }
