package session

import (
	"errors"
	"net/http"
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
	found := find(err)
	op, kind = found.op, found.kind
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

// known is an error of this package: what it is about, its kind, and the status with which a middleware
// answers it, 0 if it has none of its own.
type known struct {
	err      error
	op, kind string
	status   int
}

// ours are the errors of this package. Of those that an error matches, the first counts.
var ours = []known{
	{ErrReadOnly, "use", "read_only", http.StatusInternalServerError},
	{ErrSealed, "use", "sealed", http.StatusInternalServerError},
	{ErrTooLarge, opCommit, "too_large", http.StatusInternalServerError},
	{ErrForged, opBegin, "forged", http.StatusInternalServerError},
	{ErrNoPrincipal, "use", "no_principal", http.StatusUnauthorized},
	{ErrSignInTooOld, "use", "sign_in_too_old", http.StatusForbidden},
	{ErrTooManySessions, opCommit, "too_many_sessions", http.StatusConflict},
	{ErrLockTimeout, opBegin, "lock_timeout", http.StatusServiceUnavailable},
	{ErrLockLost, opCommit, "lock_lost", http.StatusServiceUnavailable},
	{ErrEnded, opCommit, "ended", http.StatusServiceUnavailable},
	{ErrClosed, "", "closed", http.StatusServiceUnavailable},
	{ErrNoValue, "use", "no_value", 0},
	{ErrUnsent, "response", "unsent", 0},
	{ErrUnknown, "", "unknown", 0},
	{errPanicked, "", "panic", 0},
}

// find returns which error of this package err is, none if it is another.
func find(err error) known {
	for _, n := range ours {
		if errors.Is(err, n.err) {
			return n
		}
	}
	return known{}
}

// endError is a failure of HandleEnd, so that Classify knows it.
type endError struct{ err error }

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }
