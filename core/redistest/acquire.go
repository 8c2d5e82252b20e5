package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"
)

// ErrUnavailable is what [Acquire] returns where there is no Redis and none is
// demanded. Its message is one line, fit for t.Skip.
var ErrUnavailable = errors.New("redistest: skipped, for want of a Redis: " + howToGetOne)

const howToGetOne = howToInstall + " or set REDIS_URL to a server that the tests may write to"

// Instance is a Redis that tests may use.
type Instance struct {
	// URL is the whole address, with password, TLS and database as the
	// server needs them.
	URL string
	// Addr is host:port alone, for tests that dial or proxy by themselves.
	Addr string
	// Server is the process behind it, nil when the instance came from
	// REDIS_URL: then others may be using it, and it cannot be killed.
	Server *Server
}

// Acquire gets a Redis for a test run:
//
//   - redis-server is on PATH: it starts one, which is empty and nobody else's.
//     This comes first, so that a REDIS_URL left over in somebody's shell is
//     not written to.
//   - REDIS_URL is set: that server. Its keys are not cleared, and test
//     packages that run at the same time share it, so tests choose key names of
//     their own and never flush. One that does not answer is an error.
//   - REQUIRE_REDIS is 1, as in CI: an error that says what to install.
//   - Otherwise [ErrUnavailable], and the caller skips.
//
// ctx bounds the start, not the life of the server.
func Acquire(ctx context.Context) (*Instance, error) {
	if _, ok := Find(); ok {
		s, err := Start(ctx, Options{})
		if err != nil {
			return nil, err
		}
		return &Instance{URL: s.URL(), Addr: s.Addr(), Server: s}, nil
	}
	if raw := os.Getenv("REDIS_URL"); raw != "" {
		return external(ctx, raw)
	}
	if os.Getenv("REQUIRE_REDIS") == "1" {
		return nil, errors.New("redistest: REQUIRE_REDIS is 1 but there is no Redis: " + howToGetOne)
	}
	return nil, ErrUnavailable
}

// Stop ends the server if Acquire started it, and leaves one from REDIS_URL
// alone. It may be called more than once, and on a nil Instance.
func (i *Instance) Stop() error {
	if i == nil || i.Server == nil {
		return nil
	}
	return i.Server.Stop()
}

func external(ctx context.Context, raw string) (*Instance, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Hostname() == "" {
		// The error of url.Parse would repeat the URL, and with it the password.
		return nil, errors.New("redistest: REDIS_URL must look like redis://[user:password@]host[:port][/db] or rediss://…")
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	addr := net.JoinHostPort(u.Hostname(), port)
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("redistest: nothing answers where REDIS_URL points: %w", err)
	}
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("redistest: REDIS_URL: %w", err)
	}
	return &Instance{URL: raw, Addr: addr}, nil
}
