package connect

import (
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// NewClient returns a client that retries no command on its own. It does not talk to Redis, so
// a program starts even while Redis is down. The caller closes the client. The error names
// every field that is wrong, and holds no secret.
//
// If the client cannot connect, or is not let in, its calls return an [*Error], which says where that
// was and which field to look at. Where nothing listens at the address, the error of package net says so.
//
// On a Cluster, the client follows redirections, which are no retries. There is one exception:
// go-redis retries pipelines on a Cluster.
func NewClient(config Config) (redis.UniversalClient, error) {
	c, wrong := config.resolve()
	o := c.options(&wrong)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	switch {
	case c.MasterName != "":
		client := redis.NewFailoverClient(o.Failover())
		c.hook(client, "the master "+c.MasterName)
		return client, nil
	case c.Cluster:
		return newClusterClient(o.Cluster(), c), nil
	}
	simple := o.Simple()
	if c.Socket != "" {
		simple.Network, simple.Addr = "unix", c.Socket
	}
	client := redis.NewClient(simple)
	c.hook(client, simple.Addr)
	return client, nil
}

// hook adds the hooks that every client of one server has.
func (c Config) hook(client *redis.Client, addr string) {
	if c.Credentials != nil {
		client.AddHook(asker{})
	}
	client.AddHook(newGreeter(c, addr))
}

// options are those of a resolved Config.
func (c Config) options(wrong *problems) *redis.UniversalOptions {
	secure := c.tlsConfig(wrong)
	return &redis.UniversalOptions{
		Addrs: c.Addrs, MasterName: c.MasterName, IsClusterMode: c.Cluster, DB: c.DatabaseID,
		Username: c.Username, Password: c.AccessKey, CredentialsProviderContext: c.provider(),
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
		TLSConfig: secure, Dialer: c.dialer(secure).dial,

		MaxRetries: -1, DialerRetries: 1, // -1 is none, 1 is one attempt
		ContextTimeoutEnabled: true,
		DisableIdentity:       true, // CLIENT SETINFO fills the log of a server that forbids it
		DialTimeout:           c.ConnectionTimeout,
		ReadTimeout:           c.OperationTimeout, WriteTimeout: c.OperationTimeout, PoolTimeout: c.OperationTimeout,
		// These notifications of a server would extend the time limits.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}
