package connect_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/connect"
	"github.com/berthgo/berth/core/redistest"
)

func TestURLOfAServer(t *testing.T) {
	t.Parallel()
	if realURL == "" {
		t.Skip(redistest.ErrUnavailable)
	}
	works(t, connect.Config{URL: realURL})
}

func TestPassword(t *testing.T) {
	t.Parallel()
	const password = "k/e?y#%:@=x"
	s := startRedis(t, redistest.Options{Password: password})
	works(t, connect.Config{Port: s.Port(), AccessKey: password, DatabaseID: 3})
	works(t, connect.Config{URL: s.URL()})
	works(t, connect.Config{URL: "redis://" + s.Addr(), AccessKey: password})
	works(t, connect.Config{URL: s.Addr() + ",password=" + password + ",defaultDatabase=2,connectTimeout=1000,abortConnect=False"})
	wrongPassword(t, connect.Config{Port: s.Port()})

	client := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: password, DB: 2})
	t.Cleanup(func() { _ = client.Close() })
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Errorf("nothing is in database 2: %v", err)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{ACL: []string{"user default off", "user berth on >key ~* &* +@all"}})
	works(t, connect.Config{Port: s.Port(), Username: "berth", AccessKey: "key"})
	works(t, connect.Config{URL: s.URLFor("berth", "key")})
	works(t, connect.Config{URL: s.Addr() + ",user=berth,password=key"})
	wrongPassword(t, connect.Config{Port: s.Port(), Username: "berth"})
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{UnixSocket: true, Password: "key"})
	works(t, connect.Config{Socket: s.Socket(), AccessKey: "key", DatabaseID: 1})
	works(t, connect.Config{URL: s.URL()})
	works(t, connect.Config{URL: "!" + s.Socket() + ",password=key"})
}

// NewClient talks to nothing, so that a program starts while Redis is down.
func TestClientWithoutRedis(t *testing.T) {
	t.Parallel()
	for _, c := range []connect.Config{
		{Port: 1}, {Port: 1, Cluster: true}, {Port: 1, MasterName: "main"}, {Socket: "/nothing/there"},
	} {
		client := newClient(t, c)
		if err := client.Ping(t.Context()).Err(); err == nil {
			t.Errorf("%s: answers", c)
		}
		if err := client.Close(); err != nil {
			t.Errorf("%s: Close: %v", c, err)
		}
	}
}

// The client of a server that accepts and says nothing: OperationTimeout ends the call,
// and the context does so earlier.
func TestOperationTimeout(t *testing.T) {
	t.Parallel()
	s := startRedis(t, redistest.Options{})
	client := newClient(t, connect.Config{Port: s.Port(), OperationTimeout: 200 * time.Millisecond})
	patient := newClient(t, connect.Config{Port: s.Port(), OperationTimeout: time.Minute})
	for _, c := range []redis.UniversalClient{client, patient} {
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := client.Ping(t.Context()).Err(); !timedOut(err) {
		t.Errorf("the call ends with %v", err)
	}
	if took := time.Since(start); took < 200*time.Millisecond || took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start = time.Now()
	if err := patient.Ping(ctx).Err(); !timedOut(err) {
		t.Errorf("the context ends with %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the context took %v", took)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
}
