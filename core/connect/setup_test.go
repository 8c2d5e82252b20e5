package connect_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/redistest"
)

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	redis.SetLogger(silence{}) // servers go away by the dozen here
	redistest.Main(m, func(url string) { realURL = url }, func() error { return goleak.Find() })
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// tryClient makes a client, which talks to nothing.
func tryClient(t rapid.TB, c connect.Config) error {
	t.Helper()
	client, err := connect.NewClient(c)
	if err != nil {
		return err
	}
	return client.Close()
}

func newClient(t *testing.T, c connect.Config) redis.UniversalClient {
	t.Helper()
	client, err := connect.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// startRedis starts a server of the test's own.
func startRedis(t *testing.T, o redistest.Options) *redistest.Server {
	t.Helper()
	redistest.NeedServer(t)
	s, err := redistest.Start(t.Context(), o)
	if errors.Is(err, redistest.ErrNoTLS) {
		t.Skip(err)
	}
	return stopLater(t, s, err)
}

func stopLater[S interface{ Stop() error }](t *testing.T, s S, err error) S {
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

// works writes keys, on a cluster in several slots, and reads them.
func works(t *testing.T, c connect.Config) {
	t.Helper()
	client := newClient(t, c)
	for i := range 10 {
		key, want := fmt.Sprintf("connect_%d_%d", os.Getpid(), i), fmt.Sprint(c, i)
		if err := client.Set(t.Context(), key, want, time.Minute).Err(); err != nil {
			t.Errorf("%s: %v", c, err)
			return
		}
		if got, err := client.Get(t.Context(), key).Result(); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", c, got, err, want)
		}
	}
}

func wrongPassword(t *testing.T, c connect.Config) {
	t.Helper()
	const secret = "tellnobody"
	c.AccessKey = secret
	err := newClient(t, c).Ping(t.Context()).Err()
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), secret) {
		t.Errorf("with a wrong password: %v", err)
	}
}

// until polls for a condition that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
