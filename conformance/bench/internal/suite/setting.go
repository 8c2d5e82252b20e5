package suite

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
)

// libraries are those whose versions are told.
var libraries = []string{
	"github.com/alexedwards/scs/v2",
	"github.com/alexedwards/scs/goredisstore",
	"github.com/bsm/redislock",
	"github.com/boj/redistore",
	"github.com/gin-contrib/sessions",
	"github.com/gin-gonic/gin",
	"github.com/gofiber/fiber/v2",
	"github.com/gofiber/storage/redis/v3",
	"github.com/gomodule/redigo",
	"github.com/gorilla/sessions",
	"github.com/redis/go-redis/v9",
}

func (s *suite) setting(ctx context.Context) (figure.Setting, error) {
	info, err := s.redis.InfoMap(ctx, "server").Result()
	if err != nil {
		return figure.Setting{}, err
	}
	versions := map[string]string{}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, m := range build.Deps {
			versions[m.Path] = m.Version
		}
	}
	known := map[string]string{}
	for _, l := range libraries {
		known[l] = versions[l]
	}
	return figure.Setting{
		Date:      time.Now().UTC().Format(time.DateOnly),
		Machine:   machine(),
		Go:        strings.TrimPrefix(runtime.Version(), "go"),
		Redis:     info["Server"]["redis_version"],
		Libraries: known,
		Rounds:    s.Rounds, GrowthRounds: s.GrowthRounds, Window: s.Window, Pool: s.Pool, HotEach: s.Hot,
	}, nil
}

// machine tells its size, and not which it is.
func machine() string {
	size := fmt.Sprintf("%d cores", runtime.NumCPU())
	if memory := memory("/proc/meminfo"); memory > 0 {
		size += fmt.Sprintf(", %d GiB of memory", memory)
	}
	return size + ", " + runtime.GOOS + "/" + runtime.GOARCH
}

// memory in GiB, or 0 where the file does not tell.
func memory(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var kib int
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		return 0
	}
	return (kib + 1<<19) >> 20 // rounded
}
