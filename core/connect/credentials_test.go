package connect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/redistest"
)

// asked returns a function for Credentials that gives one of the passwords at each call, the last one
// from then on, and how often it was called.
func asked(user string, passwords ...string) (func(context.Context) (string, string, error), *atomic.Int64) {
	calls := new(atomic.Int64)
	return func(context.Context) (string, string, error) {
		n := min(int(calls.Add(1)), len(passwords))
		return user, passwords[n-1], nil
	}, calls
}

// failing returns a function for Credentials that fails.
func failing(password string, err error) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) { return "ann", password, err }
}

// credentialed starts a server on which a user berth has a password.
func credentialed(t *testing.T, password string) *redistest.Server {
	t.Helper()
	return startRedis(t, redistest.Options{Password: password, UnixSocket: true, ACL: []string{"user berth on >" + password + " ~* &* +@all"}})
}

// Credentials stand in place of Username and AccessKey, in every form of a Config. They are asked for
// once for each connection.
func TestCredentials(t *testing.T) {
	t.Parallel()
	s := credentialed(t, "key")
	for _, user := range []string{"", "berth"} {
		function, calls := asked(user, "key")
		works(t, connect.Config{Port: s.Port(), Credentials: function, DatabaseID: 1})
		works(t, connect.Config{URL: "redis://" + s.Addr() + "/2", Credentials: function})
		works(t, connect.Config{Socket: s.Socket(), Credentials: function})
		works(t, connect.Config{URL: s.Addr() + ",defaultDatabase=3", Credentials: function})
		if n := calls.Load(); n != 4 {
			t.Errorf("asked %d times for four connections", n)
		}
	}
}

// A password may change between the function's answer and the greeting. The client asks once more, also
// for a pipeline, and sends the call once. For a pipeline, go-redis itself greets twice.
func TestCredentialsAreAskedForAgain(t *testing.T) {
	t.Parallel()
	s := credentialed(t, "new")
	for name, c := range map[string]struct {
		greets int
		send   func(c redis.UniversalClient, key string) error
	}{
		"command": {1, func(c redis.UniversalClient, key string) error { return c.Incr(t.Context(), key).Err() }},
		"pipeline": {2, func(c redis.UniversalClient, key string) error {
			_, err := c.Pipelined(t.Context(), func(p redis.Pipeliner) error { return p.Incr(t.Context(), key).Err() })
			return err
		}},
	} {
		function, calls := asked("berth", append(slices.Repeat([]string{"old"}, c.greets), "new")...)
		client := newClient(t, connect.Config{Port: s.Port(), Credentials: function})
		if err := c.send(client, name); err != nil || int(calls.Load()) != c.greets+1 {
			t.Errorf("%s: asked %d times, then %v", name, calls.Load(), err)
		}
		if n, err := client.Get(t.Context(), name).Int(); n != 1 {
			t.Errorf("%s was sent %d times, then %v", name, n, err)
		}

		const secret = "tellnobody"
		function, calls = asked("berth", secret)
		err := c.send(newClient(t, connect.Config{Port: s.Port(), Credentials: function}), name)
		if int(calls.Load()) != 2*c.greets || !retry.Heals(err) || retry.Broken(err) || retry.InDoubt(err) {
			t.Errorf("%s, with a wrong password: asked %d times; heals %t, broken %t, in doubt %t: %v",
				name, calls.Load(), retry.Heals(err), retry.Broken(err), retry.InDoubt(err), err)
		}
		tells(t, err, s.Addr()+": WRONGPASS", "that is set as Credentials", secret)
	}
	// A server that refuses a connection does so twice: go-redis sends HELLO and then AUTH.
	client := newClient(t, connect.Config{Port: s.Port(), AccessKey: "new"})
	// Redis 6.0 does not count them.
	if text := client.Info(t.Context(), "errorstats").Val(); text != "" && !strings.Contains(text, "errorstat_WRONGPASS:count=18\r") {
		t.Errorf("the server refused other than the nine connections: %s", text)
	}
}

// tells checks what the text of an [connect.Error] has, and that it does not have a secret.
func tells(t *testing.T, err error, begin, end, secret string) {
	t.Helper()
	var known *connect.Error
	if !errors.As(err, &known) || !strings.HasPrefix(err.Error(), begin) || !strings.HasSuffix(err.Error(), end) {
		t.Errorf("got %v, want %s … %s", err, begin, end)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("tells a secret: %v", e)
		}
	}
}

// What the function says is in the error, but not the password beside it. The call was not sent, so it
// may be tried again, but not at once.
func TestCredentialsFail(t *testing.T) {
	t.Parallel()
	s := credentialed(t, "key")
	const secret = "tellnobody"
	own := errors.New("no token today")
	for name, c := range map[string]struct {
		password string
		err      error
		says     string
	}{
		"error":                 {"", own, "Credentials: no token today"},
		"wrapped":               {"", fmt.Errorf("vault: %w", own), "Credentials: vault: no token today"},
		"password in the error": {secret, errors.New("old " + secret + " is no token"), "Credentials: old … is no token"},
		"dead connection":       {"", fmt.Errorf("get: %w", io.EOF), "Credentials: get: EOF"},
		"another Redis":         {"", fmt.Errorf("get: %w", redis.Nil), "Credentials: get: redis: nil"},
		"no password":           {"", nil, "Credentials: it returned no password"},
	} {
		client := newClient(t, connect.Config{Port: s.Port(), Credentials: failing(c.password, c.err)})
		err := client.Ping(t.Context()).Err()
		tells(t, err, s.Addr()+": "+c.says, "that is set as Credentials", secret)
		if !retry.Heals(err) || retry.Broken(err) || retry.InDoubt(err) || errors.Is(err, redis.Nil) {
			t.Errorf("%s: heals %t, broken %t, in doubt %t, nil %t", name, retry.Heals(err), retry.Broken(err), retry.InDoubt(err), errors.Is(err, redis.Nil))
		}
		if errors.Is(c.err, own) != errors.Is(err, own) {
			t.Errorf("%s: %v does not wrap the function's error", name, err)
		}
	}
}

// The context of the function ends with that of the call, and after ConnectionTimeout.
func TestCredentialsTakeTooLong(t *testing.T) {
	t.Parallel()
	s := credentialed(t, "key")
	waits := func(ctx context.Context) (string, string, error) {
		<-ctx.Done()
		return "", "", ctx.Err()
	}
	short := newClient(t, connect.Config{Port: s.Port(), Credentials: waits, ConnectionTimeout: 50 * time.Millisecond})
	if err := short.Ping(t.Context()).Err(); !errors.Is(err, context.DeadlineExceeded) || !retry.Heals(err) {
		t.Errorf("after ConnectionTimeout: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	long := newClient(t, connect.Config{Port: s.Port(), Credentials: waits, ConnectionTimeout: time.Hour})
	if err := long.Ping(ctx).Err(); !errors.Is(err, context.Canceled) || retry.Heals(err) {
		t.Errorf("after the caller gave up: %v", err)
	}
}

// There is one source of user and password.
func TestCredentialsBesideOthers(t *testing.T) {
	t.Parallel()
	function, calls := asked("", "key")
	for _, c := range []connect.Config{
		{AccessKey: "tellnobody"},
		{Username: "ann"},
		{URL: "redis://:tellnobody@a.test"},
		{URL: "redis://ann:tellnobody@a.test"},
		{URL: "redis+sentinel://:tellnobody@a.test/main"},
		{URL: "redis+cluster://:tellnobody@a.test"},
		{URL: "a.test,password=tellnobody"},
		{URL: "unix://:tellnobody@/run/s"},
	} {
		c.Credentials = function
		err := tryClient(t, c)
		if err == nil || !strings.Contains(err.Error(), "Credentials and ") || !strings.Contains(err.Error(), "are both set: leave ") || strings.Contains(err.Error(), "tellnobody") {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, c := range []connect.Config{{}, {URL: "redis://a.test"}, {MasterName: "main", SentinelUsername: "ann", SentinelPassword: "key"}} {
		c.Credentials = function
		if err := tryClient(t, c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	if text := fmt.Sprintf("%+v", connect.Config{Credentials: function}); text != "connect.Config{redis://127.0.0.1:6379/0}" {
		t.Errorf("prints as %s", text)
	}
	if calls.Load() != 0 {
		t.Error("NewClient asks the function")
	}
}
