package target

import (
	"time"

	"github.com/gomodule/redigo/redis"
)

// signingKey is of the recommended length. Processes share it, as they share Redis.
var signingKey = []byte("a key of 32 bytes, for the bench")

// redigoPool is the pool that redistore's own constructor makes, PING at each use
// included, but that it has an upper bound, as the other targets' pools have.
func redigoPool(e env) *redis.Pool {
	return &redis.Pool{
		MaxIdle: e.pool, MaxActive: e.pool, Wait: true,
		IdleTimeout: 240 * time.Second,
		TestOnBorrow: func(c redis.Conn, _ time.Time) error {
			_, err := c.Do("PING")
			return err
		},
		Dial: func() (redis.Conn, error) {
			return redis.DialContext(e.ctx, "tcp", e.addr, redis.DialContextFunc(e.wire.Dial))
		},
	}
}
