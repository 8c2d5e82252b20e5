package redistest

import (
	"context"
	"fmt"
	"os"
	"strings"
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

// setup starts a server for one test, or skips the test if there is no redis-server.
func setup(t *testing.T, o Options) *Server {
	t.Helper()
	NeedServer(t)
	s, err := Start(t.Context(), o)
	return mustStop(t, s, err)
}

// mustStop takes the results of a start, and stops the server after the test.
func mustStop[S interface{ Stop() error }](t *testing.T, s S, err error) S {
	t.Helper()
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

// ask sends one command on a new connection and returns the reply. It does not
// log in.
func ask(s *Server, patience time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := s.opts
	c.login = login{}
	conn, err := connect(ctx, s.Addr(), c)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.do(args...)
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

// child starts a server and a topology, says where, and waits to be killed.
func child() {
	s, err := Start(context.Background(), Options{Dir: os.Getenv(childEnv)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all, err := StartSentinel(context.Background(), SentinelOptions{Replicas: 1, Sentinels: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Addr(), strings.Join(addrs(all.fleet.servers), " "))
	select {}
}
