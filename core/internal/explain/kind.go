package explain

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/redis/go-redis/v9"
)

// codes are answers of Redis that are kinds of their own. Anything else that a server says is not used: it
// may be long, and it may be different each time.
var codes = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "NOAUTH", "WRONGPASS",
	"NOPERM", "OOM", "MISCONF", "WRONGTYPE", "MOVED", "ASK", "CROSSSLOT", "NOSCRIPT",
}

// Kind is the kind of an error that a call to Redis has returned: timeout, canceled, connection, one of codes,
// redis, or _OTHER.
func Kind(err error) string {
	var said redis.Error
	var network net.Error
	switch {
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &said):
		for _, code := range codes {
			if says(said.Error(), code+" ") {
				return code
			}
		}
		return "redis"
	case network != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "connection"
	}
	return "_OTHER"
}
