package connect_test

import (
	"fmt"
	"time"

	"github.com/berthgo/berth/core/connect"
)

// A connection string from the Azure portal is understood, and printed without its
// password.
func ExampleNewClient() {
	config := connect.Config{
		URL:              "shop.redis.cache.windows.net:6380,password=dGVsbCBub2JvZHk=,ssl=True,abortConnect=False",
		OperationTimeout: 2 * time.Second,
	}
	client, err := connect.NewClient(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(config)
	// Output: connect.Config{rediss://shop.redis.cache.windows.net:6380/0}
}

// The error names all that is wrong at once.
func ExampleNewClient_wrong() {
	_, err := connect.NewClient(connect.Config{Host: "redis.internal", Port: 70000, Username: "shop", Cluster: true, DatabaseID: 2})
	fmt.Println(err)
	// Output:
	// connect: invalid config:
	// Port is 70000: it must be from 1 to 65535, or 0 for its default
	// Username is set without AccessKey: set both, because a user is only sent with a password; if the user has none, any AccessKey works
	// DatabaseID is 2: a cluster has only database 0
}
