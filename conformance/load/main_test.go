//go:build testall

package load

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
)

// What make test-all runs is short: it shows that the load itself works.
var (
	duration = flag.Duration("for", 6*time.Second, "how long clients send requests, all servers together")
	sessions = flag.Int("sessions", 1000, "how many sessions the clients have")
	clients  = flag.Int("clients", 64, "how many clients there are")
)

func TestMain(m *testing.M) {
	flag.Parse()
	gin.SetMode(gin.ReleaseMode)
	redis.SetLogger(silence{})
	os.Exit(m.Run())
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
