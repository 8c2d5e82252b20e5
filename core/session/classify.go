package session

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
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
		kind = kindOfCall(err)
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

// codes are answers of Redis that are kinds of their own. Anything else that a server says is not used: it
// may be long, and it may be different each time.
var codes = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "NOAUTH", "WRONGPASS",
	"NOPERM", "OOM", "MISCONF", "WRONGTYPE", "MOVED", "ASK", "CROSSSLOT", "NOSCRIPT",
}

// kindOfCall is the kind of an error that a call to Redis has returned.
func kindOfCall(err error) string {
	var said redis.Error
	var network net.Error
	switch {
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &said):
		for _, code := range codes { // before Redis 7, the code of an error in a script does not stand first
			if strings.HasPrefix(said.Error(), code+" ") || strings.Contains(said.Error(), "-"+code+" ") {
				return code
			}
		}
		return "redis"
	case network != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "connection"
	}
	return "_OTHER"
}

// endError is a failure of HandleEnd, so that Classify knows it.
type endError struct{ err error }

func (e *endError) Error() string { return e.err.Error() }
func (e *endError) Unwrap() error { return e.err }
