package redistest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// dial makes a client of url that gives up at the first failure.
func dial(t *testing.T, url string, certs *Certificates) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	if certs != nil {
		o.TLSConfig = certs.Config()
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

func mustPing(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

// mustSet writes, and reads it back.
func mustSet(t *testing.T, client redis.UniversalClient, key string) {
	t.Helper()
	if err := client.Set(t.Context(), key, "v", time.Minute).Err(); err != nil {
		t.Fatalf("SET %s: %v", key, err)
	}
	if got, err := client.Get(t.Context(), key).Result(); err != nil || got != "v" {
		t.Fatalf("GET %s: %q, %v", key, got, err)
	}
}
