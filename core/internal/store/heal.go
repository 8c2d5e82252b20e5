package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// healing are the error codes of a server that may answer differently soon. In
// Redis before 7, an error inside a script carries its code further back.
var healing = []string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN"}

// Heals tells whether trying again after err makes sense: connections, time-outs
// and a server that is starting, failing over or resharding do heal; a wrong
// password, a wrong type, a missing permission, a closed client and an ended
// context do not.
func Heals(err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, redis.ErrClosed):
		return false
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted), errors.Is(err, errBatch):
		return true
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
