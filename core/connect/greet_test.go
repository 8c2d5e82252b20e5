package connect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/redistest"
)

// judged is what package retry makes of an error.
type judged struct{ heals, broken, inDoubt bool }

var (
	refusal = judged{}
	hangUp  = judged{heals: true, broken: true, inDoubt: true}
	silent  = judged{heals: true, inDoubt: true}
	badTLS  = judged{inDoubt: true}
)

// failsAt checks what a client says that is not let in: where, and what to look at. It sends more
// than Redis takes from a client that has not logged in, alone and in a pipeline.
func failsAt(t *testing.T, c connect.Config, want judged, texts ...string) {
	t.Helper()
	const secret = "tellnobody"
	client := newClient(t, c)
	args := make([]any, 20)
	for name, call := range map[string]func() error{
		"alone": func() error { return client.Eval(t.Context(), "return 1", []string{"key"}, args...).Err() },
		"pipeline": func() error {
			_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				return p.Eval(t.Context(), "return 1", []string{"key"}, args...).Err()
			})
			return err
		},
	} {
		err := call()
		var failed *connect.Error
		if !errors.As(err, &failed) {
			t.Errorf("%s, %s: the error is %v", c, name, err)
			continue
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s, %s: the error does not say %q: %v", c, name, text, err)
			}
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), secret) {
				t.Errorf("%s, %s: the error tells the password: %v", c, name, e)
			}
		}
		if got := (judged{retry.Heals(err), retry.Broken(err), retry.InDoubt(err)}); got != want || errors.Is(err, redis.Nil) {
			t.Errorf("%s, %s: judged as %+v, want %+v: %v", c, name, got, want, err)
		}
	}
}

func TestPasswordIsRefused(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{Password: "key"})
	failsAt(t, connect.Config{Port: s.Port()}, refusal, s.Addr(), "wants a password: set AccessKey")
	failsAt(t, connect.Config{Port: s.Port(), AccessKey: "tellnobody"}, refusal, s.Addr(), "WRONGPASS", "look at AccessKey and Username")
	failsAt(t, connect.Config{Port: s.Port(), AccessKey: "tellnobody", Username: "ann"}, refusal, s.Addr(), "WRONGPASS", "look at AccessKey and Username")
	failsAt(t, connect.Config{Port: s.Port(), AccessKey: "tellnobody", Cluster: true}, refusal, s.Addr(), "WRONGPASS", "look at AccessKey and Username")

	socket := startRedis(t, redistest.Options{Password: "key", UnixSocket: true})
	failsAt(t, connect.Config{Socket: socket.Socket(), AccessKey: "tellnobody"}, refusal, socket.Socket(), "look at AccessKey and Username")
}

// A server that knows neither HELLO nor AUTH repeats the password in its answer.
func TestUnknownAuthTellsNoPassword(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{Args: []string{"--rename-command", "HELLO", "", "--rename-command", "AUTH", ""}})
	failsAt(t, connect.Config{Port: s.Port(), AccessKey: "tellnobody"}, refusal, s.Addr(), "unknown command", "auth", "look at AccessKey and Username")
}

func TestServerOfAnotherKind(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{})
	port := s.Port()
	failsAt(t, connect.Config{Port: port, DatabaseID: 99}, refusal, s.Addr(), "no database 99: look at DatabaseID")
	failsAt(t, connect.Config{Port: port, Cluster: true}, refusal, s.Addr(), "not part of a cluster: leave Cluster out")
	failsAt(t, connect.Config{Port: port, MasterName: "main"}, refusal, s.Addr(), "no Sentinels: leave MasterName out")
	failsAt(t, connect.Config{Port: port, SSL: true, ConnectionTimeout: 200 * time.Millisecond}, silent, s.Addr(), "no TLS in time", "leave SSL out")
	failsAt(t, connect.Config{Port: port, SSL: true, ConnectionTimeout: 200 * time.Millisecond, Cluster: true}, silent, s.Addr(), "no TLS in time", "leave SSL out")
	failsAt(t, connect.Config{Port: port, SSL: true, ConnectionTimeout: 200 * time.Millisecond, MasterName: "main"}, silent, s.Addr(), "SSL")
}

// A server that speaks TLS hangs up when it is greeted without, sends an alert, or waits for more.
// A web server answers in its own way.
func TestGreetingIsNotUnderstood(t *testing.T) {
	onEachWay(t, func(t *testing.T, c connect.Config) {
		c.OperationTimeout = 200 * time.Millisecond
		for name, answer := range map[string]struct {
			text string
			want judged
		}{
			"hangs up":   {"", hangUp},
			"alert":      {"\x15\x03\x01\x00\x02\x02\x46\r\n", badTLS},
			"web server": {"HTTP/1.1 400 Bad Request\r\n\r\n", badTLS},
		} {
			if c.MasterName != "" && name != "hangs up" { // Sentinels are asked by go-redis itself
				continue
			}
			c.Port = listen(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1))
				_, _ = io.WriteString(conn, answer.text)
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
			failsAt(t, c, answer.want, "127.0.0.1:", "greet", "set SSL")
		}
		c.Port = listen(t, nil)
		failsAt(t, c, silent, "127.0.0.1:", "greet", "set SSL")
	})
}

// Redis in protected mode answers once, to whatever it is sent, and hangs up.
func TestProtectedMode(t *testing.T) {
	t.Parallel()
	port := listen(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "-DENIED Redis is running in protected mode because no password is set. In this mode …\r\n")
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	})
	failsAt(t, connect.Config{Port: port}, refusal, "127.0.0.1:", "DENIED Redis is running in protected mode", "set a password at the server, and AccessKey")
}

// A call that its own context ends says nothing about the server.
func TestCallerGivesUpInGreeting(t *testing.T) {
	t.Parallel()
	client := newClient(t, connect.Config{Port: listen(t, nil), OperationTimeout: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := client.Ping(ctx).Err()
	if failed := (*connect.Error)(nil); !timedOut(err) || errors.As(err, &failed) {
		t.Errorf("the error is %v", err)
	}
}

// Sentinels that do not know the master answer with nothing, which must not pass for a value that is
// not there.
func TestUnknownMaster(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Register("SENTINEL", func(p *server.Peer, _ string, _ []string) { p.WriteNull() }); err != nil {
		t.Fatal(err)
	}
	at := s.Addr().String()
	for _, addrs := range [][]string{{at}, {at, "127.0.0.1:1"}} {
		failsAt(t, connect.Config{Addrs: addrs, MasterName: "main"}, refusal, at, `know no master "main": look at MasterName`)
	}
}
