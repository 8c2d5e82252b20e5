package session

import (
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open returns a Manager with a Redis client of its own, which [Manager.Close] closes:
// commit before that. Like [New] it does not talk to Redis, so a program starts
// even while Redis is down. The client does not retry on its own:
// Options.RetryTimeout is the only schedule. The error names every field of both
// arguments that is wrong, and no secret.
func Open(config Config, options Options) (*Manager, error) {
	resolved, wrong := config.resolve()
	o := resolved.clientOptions(&wrong)
	_, _, err := options.withDefaults()
	if err := errors.Join(wrong.err(), err); err != nil {
		return nil, err
	}
	client := resolved.client(o)
	m, err := New(client, options)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	m.owned = client
	return m, nil
}

// clientOptions are for a client that tries once, and keeps the two time limits.
func (c Config) clientOptions(wrong *problems) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: c.Addrs, MasterName: c.MasterName, IsClusterMode: c.Cluster, DB: c.DatabaseID,
		Username: c.Username, Password: c.AccessKey,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
		TLSConfig: c.tlsConfig(wrong),

		MaxRetries: -1, DialerRetries: 1,
		ContextTimeoutEnabled: true,
		DialTimeout:           c.ConnectionTimeout,
		ReadTimeout:           c.OperationTimeout, WriteTimeout: c.OperationTimeout, PoolTimeout: c.OperationTimeout,
		// Such notifications would stretch the time limits.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// client makes the client of a resolved Config.
func (c Config) client(o *redis.UniversalOptions) redis.UniversalClient {
	switch {
	case c.MasterName != "":
		return redis.NewFailoverClient(o.Failover())
	case c.Cluster:
		return newClusterClient(o.Cluster())
	}
	simple := o.Simple()
	if c.Socket != "" {
		simple.Network, simple.Addr = "unix", c.Socket
	}
	return redis.NewClient(simple)
}
