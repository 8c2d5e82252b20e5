package rig

import (
	"context"
	"fmt"
	"regexp"

	"github.com/redis/go-redis/v9"
)

// CommandCalls is how often the server ran each command.
func CommandCalls(c *redis.Client) map[string]int {
	text := c.Info(context.Background(), "commandstats").Val()
	calls := map[string]int{}
	for _, m := range regexp.MustCompile(`cmdstat_([a-z|]+):calls=(\d+)`).FindAllStringSubmatch(text, -1) {
		var n int
		_, _ = fmt.Sscan(m[2], &n)
		calls[m[1]] = n
	}
	return calls
}
