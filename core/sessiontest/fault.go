package sessiontest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// FailRedis lets all calls of Manager and Redis fail from now on, as if the server were gone, until
// restore is called. The sessions stay. The other methods of Sessions work meanwhile, but [Sessions.Context].
// A second call of the same restore does nothing.
func (s *Sessions) FailRedis() (restore func()) {
	s.fault.failing.Add(1)
	return sync.OnceFunc(func() { s.fault.failing.Add(-1) })
}

// HoldElsewhere holds the session of a cookie as a request in another process does, until release is
// called or the test ends. Meanwhile an [session.Exclusive] request waits for Options.LockWait and then gets
// [session.ErrLockTimeout]; set LockWait to -1 to have that at once. Others do not wait. It fails
// the test if there is no live session, or if a request holds it. A second call of the same
// release does nothing.
func (s *Sessions) HoldElsewhere(cookie *http.Cookie) (release func()) {
	s.t.Helper()
	s.Session(cookie)
	ctx := context.WithoutCancel(s.t.Context())
	held, err := s.manager.Begin(ctx, cookie.Value, session.Exclusive)
	if err != nil {
		s.t.Fatalf("sessiontest: HoldElsewhere: %v", err)
	}
	return sync.OnceFunc(func() { held.Rollback(ctx) })
}

// errRefused is what a client says when the server is gone.
var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// fault is a hook of a client that fails calls while failing is not 0.
type fault struct{ failing atomic.Int32 }

var _ redis.Hook = (*fault)(nil)

func (f *fault) DialHook(next redis.DialHook) redis.DialHook {
	return next // the first call of a new connection fails
}

func (f *fault) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if f.failing.Load() > 0 {
			cmd.SetErr(errRefused)
			return errRefused
		}
		return next(ctx, cmd)
	}
}

func (f *fault) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if f.failing.Load() > 0 {
			for _, cmd := range cmds {
				cmd.SetErr(errRefused)
			}
			return errRefused
		}
		return next(ctx, cmds)
	}
}
