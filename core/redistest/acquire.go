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

// ErrUnavailable says that there is no Redis, and that REQUIRE_REDIS does not demand one. Its
// message is one line, for t.Skip.
var ErrUnavailable = errors.New("redistest: skipped, for want of a Redis: " + howToGetOne)

const howToGetOne = howToInstall + " or set REDIS_URL to a server that the tests may write to"

// Instance is a Redis that tests may use.
type Instance struct {
	// URL is the whole address, with the password, TLS and database that the server needs.
	URL string
	// Addr is host:port alone, for tests that dial or proxy by themselves.
	Addr string
	// Server is the process behind the URL. It is nil if the URL came from REDIS_URL: others may
	// use that server, and tests cannot kill it.
	Server *Server
}

// Acquire gets a Redis for a test run:
//
//   - REDIS_SERVER is the path of a redis-server, or one is on PATH: Acquire starts it. It is
//     empty, and nobody else uses it. This comes first, so that tests do not write to a REDIS_URL
//     that is left over in a shell.
//   - REDIS_URL is set: Acquire returns that server. Acquire does not clear its keys. Test packages
//     that run at the same time share it. So tests choose key names of their own and never flush.
//     If the server does not answer, that is an error.
//   - REQUIRE_REDIS is 1, as in CI: an error that says what to install.
//   - Otherwise [ErrUnavailable], and the caller skips.
//
// ctx limits the start, and not the life of the server.
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

// Stop ends the server if Acquire has started it. It leaves a server from REDIS_URL alone. It may
// be called more than once, and on a nil Instance.
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
