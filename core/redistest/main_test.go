package redistest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv turns the test binary into the process that TestDiesWithParent
// kills.
const childEnv = "REDISTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
	}
	goleak.VerifyTestMain(m)
}

// setup starts a server for one test, or skips where there is none to start.
func setup(t *testing.T, o Options) *Server {
	t.Helper()
	if _, ok := Find(); !ok {
		if os.Getenv("REQUIRE_REDIS") == "1" {
			t.Fatal("REQUIRE_REDIS is 1, but redis-server is not on PATH")
		}
		t.Skip("no redis-server on PATH")
	}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends one command on a new connection and returns the reply.
func ask(s *Server, patience time.Duration, args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	return respConn{conn, bufio.NewReader(conn)}.do(args...)
}

func mustAsk(t *testing.T, s *Server, want string, args ...string) {
	t.Helper()
	got, err := ask(s, 5*time.Second, args...)
	if err != nil || got != want {
		t.Fatalf("%v: got %q, %v; want %q", args, got, err, want)
	}
}

// eventually polls until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after 10 s: %s", what)
		}
	}
}

// child starts a server, says where, and waits to be killed.
func child() {
	s, err := Start(context.Background(), Options{Dir: os.Getenv(childEnv)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Port())
	select {}
}
