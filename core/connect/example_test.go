package connect_test

import (
	"context"
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

// tokens stands for what fetches tokens, such as a credential of Entra ID. It keeps a token and fetches a
// new one before the old one expires.
type tokens struct{ current string }

func (t tokens) Current(context.Context) (string, error) { return t.current, nil }

// A function is asked for the user and the password of each new connection. No loader fills it, and no
// password is in the Config.
func ExampleConfig_credentials() {
	entra := tokens{"eyJ0eXAiOiJKV1QifQ"}
	config := connect.Config{
		Host: "shop.redis.cache.windows.net", SSL: true,
		Credentials: func(ctx context.Context) (user, password string, err error) {
			token, err := entra.Current(ctx)
			return "8d2b1a53-7c1e-4f0a-9a52-3f6c2d5e9b10", token, err
		},
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
