package retry

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// healing are the error codes of a server that may answer differently soon. Before Redis 7, the code
// of an error inside a script does not stand at the start of the text.
var healing = []string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY"}

// Broken tells whether a connection turned out to be dead. The caller may then send the call again on
// another connection. Servers, and proxies on the way, close idle connections. With TLS, the client
// sees that only when it uses them. A server that cannot be reached, or that does not answer, is not
// Broken.
func Broken(err error) bool {
	var answer redis.Error
	var network net.Error
	switch {
	case err == nil, errors.As(err, &answer), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &network) && network.Timeout(), notSent(err):
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// InDoubt tells whether a call that failed with err may have been executed. It was not executed if
// there was no connection to send it on, or if the server refused it.
func InDoubt(err error) bool {
	var answer redis.Error
	return err != nil && !errors.As(err, &answer) && !notSent(err)
}

func notSent(err error) bool {
	if own := unsent(nil); errors.As(err, &own) {
		return own.NotSent()
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted)
}

// unsent is an error of berth's own that knows whether the call was sent.
type unsent interface {
	error
	NotSent() bool
}

// healer is an error of berth's own that knows whether it heals.
type healer interface {
	error
	Heals() bool
}

// Heals tells whether a retry after err makes sense. These heal: connections, timeouts, and a server
// that is starting, failing over, resharding or busy with a script. These do not: a wrong password, a wrong type, a
// missing permission, a closed client and a cancelled context.
func Heals(err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, redis.ErrClosed):
		return false
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return true
	}
	if own := healer(nil); errors.As(err, &own) {
		return own.Heals()
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		text := answer.Error()
		for _, code := range healing {
			if strings.HasPrefix(text, code+" ") || strings.Contains(text, "-"+code+" ") {
				return true
			}
		}
		return strings.HasPrefix(text, "ERR max number of clients reached")
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
