package session

import (
	"errors"

	"github.com/berthgo/berth/core/connect"
)

// Config says how [Open] reaches Redis. See [connect.Config] for its fields.
type Config = connect.Config

// Open returns a Manager with a Redis client of its own, from [connect.NewClient].
// [Manager.Close] closes the client too, so commit before that. Like [New] it does not talk
// to Redis, so a program starts even while Redis is down. The client never retries on its
// own: Options.RetryTimeout is the only schedule. The error names every field of both
// arguments that is wrong, and holds no secret.
func Open(config Config, options Options) (*Manager, error) {
	client, err := connect.NewClient(config)
	if err != nil {
		_, _, wrong := options.withDefaults()
		return nil, errors.Join(err, wrong)
	}
	m, err := New(client, options)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	m.owned = client
	return m, nil
}
