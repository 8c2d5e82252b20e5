package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// vault holds the password that Credentials returns.
type vault struct{ password atomic.Value }

func (v *vault) credentials(user string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) { return user, v.password.Load().(string), nil }
}

// admins are clients of servers whose password changes. Theirs does not.
type admins []*redis.Client

func newAdmins(t *testing.T, servers ...*redistest.Server) admins {
	t.Helper()
	all := make(admins, len(servers))
	for i, s := range servers {
		all[i] = redis.NewClient(&redis.Options{Addr: s.Addr(), Username: "admin", Password: "admin", PoolSize: 1})
		t.Cleanup(func() { _ = all[i].Close() })
	}
	return all
}

// do sends a command to all servers.
func (a admins) do(t *testing.T, args ...any) {
	t.Helper()
	for _, admin := range a {
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Error(err)
		}
	}
}

// refused is how many greetings the servers have refused. Each notes them in its ACL log.
func (a admins) refused(t *testing.T) (n int64) {
	t.Helper()
	for _, admin := range a {
		entries, err := admin.ACLLog(t.Context(), 100).Result()
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if e.Reason == "auth" {
				n += e.Count
			}
		}
	}
	return n
}

// The password changes under load, and requests need new connections while the server knows only one of
// two passwords and Credentials returns the other. No request fails.
func TestPasswordChangesUnderLoad(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	for user, change := range map[string]func(password string) []any{"": requirepass, "berth": resetpass} {
		t.Run("user "+user, func(t *testing.T) {
			t.Parallel()
			s, err := redistest.Start(t.Context(), redistest.Options{Password: "key0", ACL: rotatingUsers})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop() })
			passwordChanges(t, session.Config{Port: s.Port()}, user, newAdmins(t, s), change)
		})
	}
}

var rotatingUsers = []string{"user berth on >key0 ~* &* +@all", "user admin on >admin ~* &* +@all"}

func requirepass(password string) []any { return []any{"config", "set", "requirepass", password} }

func resetpass(password string) []any {
	return []any{"acl", "setuser", "berth", "resetpass", ">" + password}
}

// passwordChanges counts in several sessions at once, while the password changes at the servers and in
// the vault, each first in turn. In between, all connections are cut, and a new one is refused.
func passwordChanges(t *testing.T, config session.Config, user string, servers admins, change func(password string) []any) {
	t.Helper()
	const clients, changes = 6, 4
	var v vault
	v.password.Store("key0")
	config.Credentials = v.credentials(user)
	m := mustOpen(t, config, session.Options{RetryTimeout: 20 * time.Second})
	var counts [clients]atomic.Int64
	ids := make([]string, clients)
	for i := range ids {
		ids[i] = saved(t, m, "n", 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for i, id := range ids {
		load.Go(func() {
			for ctx.Err() == nil {
				err := m.Do(t.Context(), id, session.Exclusive, func(s *session.Session) error {
					n, err := session.Get[int](s, "n")
					s.Set("n", n+1)
					return err
				})
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				counts[i].Add(1)
			}
		})
	}
	for n := 1; n <= changes; n++ {
		password := fmt.Sprint("key", n)
		steps := []func(){
			func() { v.password.Store(password) },
			func() { servers.do(t, change(password)...) },
		}
		steps[n%2]()
		before := servers.refused(t)
		servers.do(t, "client", "kill", "type", "normal", "skipme", "yes")
		until(t, "a connection is refused", func() bool { return t.Failed() || servers.refused(t) > before })
		steps[1-n%2]()
		var seen [clients]int64
		for i := range counts {
			seen[i] = counts[i].Load()
		}
		until(t, "all requests go on", func() bool {
			for i := range counts {
				if counts[i].Load() == seen[i] && !t.Failed() {
					return false
				}
			}
			return true
		})
	}
	cancel()
	load.Wait()
	for i, id := range ids {
		if n := get[int](t, view(t, m, id), "n"); int64(n) != counts[i].Load() {
			t.Errorf("session %d counts %d requests of %d", i, n, counts[i].Load())
		}
	}
}

// The error of a request has what the function says, and not the password beside it. The commit can be
// repeated.
func TestCredentialsFail(t *testing.T) {
	t.Parallel()
	s := openServer(t)
	own := errors.New("no token today")
	var fail atomic.Bool
	var calls atomic.Int64
	m := mustOpen(t, session.Config{Port: s.Port(), Credentials: func(context.Context) (string, string, error) {
		calls.Add(1)
		if fail.Load() {
			return "default", "tellnobody", fmt.Errorf("vault: %w", own)
		}
		return "default", "key", nil
	}}, session.Options{})
	id := saved(t, m, "n", 1)
	held := begin(t, m, id, session.Exclusive)
	held.Set("n", 2)

	fail.Store(true)
	before := calls.Load()
	admin := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: "key", PoolSize: 1})
	t.Cleanup(func() { _ = admin.Close() })
	admins{admin}.do(t, "client", "kill", "type", "normal", "skipme", "yes")
	err := held.Commit(t.Context())
	var op *session.OpError
	if !errors.As(err, &op) || !errors.Is(err, own) || !strings.Contains(err.Error(), "vault: no token today") || strings.Contains(err.Error(), "tellnobody") {
		t.Errorf("the error of the commit is %v", err)
	}
	if n := calls.Load() - before; n != 1 {
		t.Errorf("asked %d times for a commit without retries", n)
	}
	fail.Store(false)
	if err := held.Commit(t.Context()); err != nil {
		t.Errorf("the same commit again: %v", err)
	}
	if n := get[int](t, view(t, m, id), "n"); n != 2 {
		t.Errorf("n is %d, want 2", n)
	}
}
