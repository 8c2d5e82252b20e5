package sessiontest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/mini"
	"github.com/berthgo/berth/core/session"
)

// TB is what this package needs of a [testing.TB], so that other test frameworks can have it too.
type TB interface {
	Helper()
	Cleanup(f func())
	Context() context.Context
	Fatalf(format string, args ...any)
	Output() io.Writer
}

// Sessions are the sessions of an application under test, in a Redis that only this test has. It is
// safe for concurrent use. Methods that fail the test must be called from the test's own
// goroutine, as [testing.T.FailNow] must.
type Sessions struct {
	// Manager is for the middleware of the application under test.
	Manager *session.Manager
	// Redis is the client of Manager, for an application that keeps other things in Redis too. Calls
	// fail while [Sessions.FailRedis] says so.
	Redis redis.UniversalClient

	t       TB
	options session.Options
	redis   *redis.Client    // of this package
	manager *session.Manager // of this package: it calls no hooks but OnStart, and no call of it fails
	fault   *fault
}

// New returns sessions in a Redis inside this process. It needs no port. In a bubble of
// testing/synctest, sessions expire as the time of the bubble passes. Cleanup of t closes all that New
// opened.
//
// App defaults to "sessiontest", and Logger to the output of t. Wrong options fail the test.
func New(t TB, options session.Options) *Sessions {
	t.Helper()
	if options.App == "" {
		options.App = "sessiontest"
	}
	if options.KeySeparator == "" {
		options.KeySeparator = "_"
	}
	output := &testOutput{to: t.Output()}
	t.Cleanup(output.end)
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(output, nil))
	}
	server := mini.New()
	t.Cleanup(server.Close)
	s := &Sessions{t: t, options: options, fault: new(fault)}
	client := newClient(t, server.DialContext)
	client.AddHook(s.fault)
	s.Redis = client
	s.Manager = newManager(t, client, options)
	s.redis = newClient(t, server.DialContext)
	s.manager = newManager(t, s.redis, behindTheScenes(options))
	return s
}

// patience is how long a call may take on a busy machine.
const patience = 30 * time.Second

// newClient returns a client that does not retry. Cleanup closes it. Addr only names the server, but must
// be no host name: go-redis looks those up.
func newClient(t TB, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:1", Dialer: dial, MaxRetries: -1, DialerRetries: 1,
		ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// newManager returns a manager that Cleanup closes before its client.
func newManager(t TB, client *redis.Client, options session.Options) *session.Manager {
	t.Helper()
	m, err := session.New(client, options)
	if err != nil {
		t.Fatalf("sessiontest: %v", err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// behindTheScenes returns the options of the manager that does what the test says. OnStart stays,
// because a session may need what it sets.
func behindTheScenes(o session.Options) session.Options {
	o.Hooks = session.Hooks{OnStart: o.Hooks.OnStart}
	o.Logger = slog.New(slog.DiscardHandler)
	o.FailSilently, o.RetryTimeout = false, 0
	o.LockWait, o.LockHold = -1, 24*time.Hour // to fail at once, and to hold for as long as the test wants
	o.EndSweep, o.EndHandlers, o.EndNotifications = endSweep, 1, false
	return o
}

// cookieName is the name of the session cookie, or of the header.
func (s *Sessions) cookieName() string {
	name := s.options.Cookie.Name
	switch {
	case s.options.Header != "":
		return s.options.Header
	case name == "":
		name = "session"
	}
	if s.options.Cookie.HostPrefix {
		return "__Host-" + name
	}
	return name
}

// request returns the headers of a request with a session cookie; nil is for none.
func (s *Sessions) request(cookie *http.Cookie) http.Header {
	r := &http.Request{Header: make(http.Header)}
	switch {
	case cookie == nil:
	case s.options.Header != "":
		r.Header.Set(s.options.Header, cookie.Value)
	default:
		r.AddCookie(cookie)
	}
	return r.Header
}
