package target

import (
	"context"
	"net/http"
	"time"

	"github.com/bsm/redislock"
)

// lockPause is between two tries of redislock, which by itself does not try again. A
// longer pause would serve waiters later, a shorter one would make more calls.
const (
	lockPause = 10 * time.Millisecond
	lockTTL   = 10 * time.Second
	lockWait  = 30 * time.Second
)

// startSCSLocked is what one puts together today so that requests of one session take
// turns: scs, within a middleware that takes a lock by the name of the session. Like
// berth, it takes none for what only reads.
func startSCSLocked(e env) (*application, error) {
	client := e.client()
	m := newSCS(client)
	locker := redislock.New(client)
	locked := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cookie, err := r.Cookie(m.Cookie.Name)
			if err != nil || r.Method == http.MethodGet {
				next.ServeHTTP(w, r)
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), lockWait)
			defer cancel()
			lock, err := locker.Obtain(ctx, "lock:"+cookie.Value, lockTTL,
				&redislock.Options{RetryStrategy: redislock.LinearBackoff(lockPause)})
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			defer func() { _ = lock.Release(context.WithoutCancel(r.Context())) }()
			next.ServeHTTP(w, r)
		})
	}
	return &application{handler: locked(m.LoadAndSave(scsHandlers(m).mux())), close: closing(client)}, nil
}
