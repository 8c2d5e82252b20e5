package session_test

import (
	"fmt"
	"time"

	"github.com/berthgo/berth/core/session"
)

// A connection string from the Azure portal is understood, and printed without its
// password.
func ExampleOpen() {
	config := session.Config{
		URL:              "shop.redis.cache.windows.net:6380,password=dGVsbCBub2JvZHk=,ssl=True,abortConnect=False",
		OperationTimeout: 2 * time.Second,
	}
	m, err := session.Open(config, session.Options{App: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close() // closes the connections too
	fmt.Println(config)
	// Output: connect.Config{rediss://shop.redis.cache.windows.net:6380/0}
}

// The error names all that is wrong with both arguments at once.
func ExampleOpen_wrong() {
	_, err := session.Open(
		session.Config{Host: "redis.internal", Port: 70000, Cluster: true, DatabaseID: 2},
		session.Options{MaxWaiters: -1},
	)
	fmt.Println(err)
	// Output:
	// connect: invalid config:
	// Port is 70000: it must be from 1 to 65535, or 0 for its default
	// DatabaseID is 2: a cluster has only database 0
	// session: invalid options:
	// MaxWaiters is -1: it must be at least 1, or 0 for its default; to not wait at all make LockWait negative
}
