package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// told collects what somebody may read: errors, with all that they unwrap to, and lines of logs.
type told struct {
	t    *testing.T
	mu   sync.Mutex
	text bytes.Buffer
	errs int
}

func (w *told) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *told) note(ctx context.Context, err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	w.errs++
	w.mu.Unlock()
	fmt.Fprintln(w, err)
	switch e := err.(type) { //nolint:errorlint // each error of the chain is looked at by itself
	case interface{ Unwrap() error }:
		w.note(ctx, e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			w.note(ctx, err)
		}
	}
}

// holdsNone checks that there were errors, and that nobody was told a secret.
func (w *told) holdsNone(secrets ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.errs == 0 {
		w.t.Error("nothing failed")
	}
	for _, secret := range secrets {
		if strings.Contains(w.text.String(), secret) {
			w.t.Errorf("%q was told in:\n%s", secret, w.text.String())
		}
	}
}

// tryAll has a manager do all that it can, with an ID, a value and a principal.
func tryAll(m *session.Manager, id, value string, w *told) {
	ctx := context.Background()
	try := func(err error) { w.note(ctx, err) }
	for _, access := range []session.Access{session.Exclusive, session.Shared, session.ReadOnly} {
		s, err := m.Begin(ctx, id, access)
		try(err)
		if err == nil && access != session.ReadOnly {
			s.Set("k", value)
			try(s.Commit(ctx))
		}
	}
	for _, change := range []func(s *session.Session){
		func(s *session.Session) {}, (*session.Session).Rotate, (*session.Session).Abandon,
		func(s *session.Session) { s.SetCompanion(value) },
		func(s *session.Session) { s.SetPrincipal("ann") },
	} {
		s := begin(w.t, m, "", session.Exclusive)
		s.Set("k", value)
		change(s)
		try(s.Commit(ctx))
		s.Rollback(ctx)
	}
	try(m.End(ctx, id))
	try(m.EndHandle(ctx, handleOf(id)))
	_, err := m.SessionsOf(ctx, "ann")
	try(err)
	_, err = m.EndAll(ctx, "ann")
	try(err)
	for _, err := range m.Sessions(ctx) {
		try(err)
	}
	for _, err := range m.EndsAside(ctx) {
		try(err)
	}
	handled, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	try(m.HandleEnd(handled, func(context.Context, session.Ended) error { return nil }))
}

// Redis repeats the arguments of a command that it does not know, because it was renamed or because
// the server is an old one. Among them are keys, proofs and values.
func TestUnknownCommandTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, commands := range []string{
		"EVALSHA", "EVALSHA EVAL", "SCAN", "ZREM", "ZRANGEBYSCORE ZRANGE", "HSET", "PUBLISH SUBSCRIBE PSUBSCRIBE", "GET MGET", "DEL EXISTS", "PEXPIRE PTTL",
	} {
		t.Run(commands, func(t *testing.T) {
			t.Parallel()
			var args []string
			for command := range strings.FieldsSeq(commands) {
				args = append(args, "--rename-command", command, "")
			}
			_, r := withServer(t, args...)
			tellsNoSecret(t, r, r.NewClient())
		})
	}
}

// Neither does Redis tell more to a user who may not do what berth does.
func TestDeniedUserIsToldNoSecret(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	for _, rules := range []string{"~* &* +@all -evalsha", "~other &* +@all", "~* &* +@all -@write", "~* resetchannels +@all", "~* &* +@all -@read"} {
		t.Run(rules, func(t *testing.T) {
			t.Parallel()
			server, err := redistest.Start(t.Context(), redistest.Options{ACL: []string{"user berth on >key " + rules}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Stop() })
			r := newRig(t)
			r.At(server.URL())
			tellsNoSecret(t, r, r.NewClient(func(o *redis.UniversalOptions) { o.Username, o.Password = "berth", "key" }))
		})
	}
}

func tellsNoSecret(t *testing.T, r *rig, client redis.UniversalClient) {
	t.Helper()
	w := &told{t: t}
	m := r.ManagerOn(client, session.Options{
		TrackEnd: true, EndNotifications: true, MaxPerPrincipal: 2, LockWait: -1,
		Logger: slog.New(slog.NewJSONHandler(w, nil)), Hooks: session.Hooks{OnError: w.note},
	})
	id, value := session.NewID(), "secret-value"
	tryAll(m, id, value, w)
	w.holdsNone(id, strings.SplitN(id, ".", 2)[1], session.Proof(id), value, "{"+r.App)
}

// go-redis quotes a reply that it cannot read.
func TestGarbledReplyTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"secret-value\r\n", ":secret-value\r\n", "$secret-value\r\n", "*1\r\nsecret-value\r\n", "*secret-value\r\n", "#secret-value\r\n", ",secret-value\r\n", "(secret-value\r\n"} {
		client := redis.NewClient(&redis.Options{
			MaxRetries: -1, DisableIdentity: true,
			Dialer: func(context.Context, string, string) (net.Conn, error) {
				conn, server := net.Pipe()
				go func() {
					defer server.Close()
					for text := "-ERR unknown command\r\n"; ; text = reply {
						if _, err := server.Read(make([]byte, 4096)); err != nil {
							return
						}
						if _, err := io.WriteString(server, text); err != nil {
							return
						}
					}
				}()
				return conn, nil
			},
		})
		r, w := newRig(t), &told{t: t}
		m := r.ManagerOn(client, session.Options{Logger: slog.New(slog.NewJSONHandler(w, nil))})
		_, err := m.Begin(t.Context(), session.NewID(), session.ReadOnly)
		w.note(t.Context(), err)
		w.holdsNone("secret-value")
		if failed := (*session.OpError)(nil); !errors.As(err, &failed) {
			t.Errorf("%q: the error is %v", reply, err)
		}
		_ = client.Close()
	}
}

// What a server answers is explained, for any client. What it is, stays.
func TestAnswersAreExplained(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m, f := r.Faulty(session.Options{})
		id := saved(t, m)
		for answer, hint := range map[string]string{
			"MOVED 1 10.0.0.1:6379":                                                                        "set Cluster in the Config, or write redis+cluster://",
			"CROSSSLOT Keys in request don't hash to the same slot":                                        "set Cluster",
			"ERR This instance has cluster support disabled":                                               "redis.NewClient",
			"NOAUTH Authentication required.":                                                              "Config.AccessKey",
			"ERR Protocol error: unauthenticated bulk length":                                              "Config.AccessKey",
			"WRONGPASS invalid username-password pair or user is disabled.":                                "Config.AccessKey and Username",
			"TRYAGAIN Multiple keys request during rehashing of slot":                                      "redis-cli --cluster fix",
			"NOPERM No permissions to access a key":                                                        "docs/redis.md",
			"ERR Error running script (call to f_1): @user_script:3: -NOPERM this user has no permissions": "docs/redis.md",
			"ERR unknown command 'evalsha', with args beginning with: 'x'":                                 "Permissions",
			"READONLY You can't write against a read only replica.":                                        "connect to its master",
		} {
			f.Then(answers(answer))
			_, err := m.Begin(t.Context(), id, session.ReadOnly)
			text := strings.TrimSuffix(strings.Split(answer, ", with args")[0], ".")
			if err == nil || !strings.HasPrefix(err.Error(), "session: begin: "+text+"; ") || !strings.Contains(err.Error(), hint) {
				t.Errorf("%s: the error is %v", answer, err)
			}
			if said := redis.Error(nil); !errors.As(err, &said) {
				t.Errorf("%s: the error is not one of Redis", answer)
			}
		}
		f.Then(answers("WRONGTYPE Operation against a key holding the wrong kind of value"))
		_, err := m.Begin(t.Context(), id, session.ReadOnly)
		if err == nil || strings.Contains(err.Error(), ";") {
			t.Errorf("an answer without a hint: %v", err)
		}
	})
}

// Open's client says where it was not let in. Nothing is added to that.
func TestOpenSaysWhereItFailed(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{Password: "key"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	for key, advice := range map[string]string{"": "set AccessKey, and Username if it has users", "tellnobody": "look at AccessKey and Username"} {
		m, err := session.Open(session.Config{Port: server.Port(), AccessKey: key}, session.Options{App: "shop", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		s := begin(t, m, "", session.Exclusive)
		s.Set("k", "v")
		err = s.Commit(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "session: commit: "+server.Addr()+": ") || !strings.HasSuffix(err.Error(), advice) {
			t.Errorf("the error is %v", err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
