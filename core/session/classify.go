package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/internal/explain"
	"github.com/berthgo/berth/core/internal/store"
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

// HTTPStatus returns the HTTP status with which a middleware answers an error of Begin, Finish or
// RequirePrincipal. It is 503 if the client may try again in a moment; retryAfter is then the content
// of a Retry-After header, in seconds. It is 401 for [ErrNoPrincipal], 403 for [ErrSignInTooOld],
// and 409 for [ErrTooManySessions]. Otherwise it is 500, or 200 for nil. Then retryAfter is 0.
func HTTPStatus(err error) (status, retryAfter int) {
	var failed *OpError
	switch status = find(err).status; {
	case err == nil:
		return http.StatusOK, 0
	case errors.Is(err, store.ErrFormat):
		return http.StatusInternalServerError, 0
	case status == http.StatusServiceUnavailable,
		status == 0 && (errors.As(err, &failed) || errors.Is(err, context.DeadlineExceeded)):
		return http.StatusServiceUnavailable, 1
	case status == 0:
		return http.StatusInternalServerError, 0
	}
	return status, 0
}

// kindOf is an error's text without what differs from session to session: so the log counts failures that are
// alike. Those of handlers of ends are not alike: only the text says which end it was.
func kindOf(err error) string {
	if one := find(err).err; one != nil && !errors.As(err, new(*endError)) {
		return one.Error()
	}
	var failed *OpError
	var network *net.OpError
	if errors.As(err, &failed) && errors.As(err, &network) { // without the port of this end
		return fmt.Sprintf("session: %s: %s %v: %v", failed.Op, network.Op, network.Addr, network.Err)
	}
	return err.Error()
}

// known is an error of this package: what it is about, its kind, and the status with which a middleware
// answers it. The status is 0 if it has none of its own.
type known struct {
	err      error
	op, kind string
	status   int
}

// knowns are all of these. Of those that an error matches, the first counts.
var knowns = []known{
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

// find returns which of them err is, nothing if it is another.
func find(err error) known {
	for _, n := range knowns {
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
