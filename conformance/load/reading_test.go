//go:build testall

package load

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// reading is what is there while nobody sends a request.
type reading struct {
	heap        uint64 // of this process: bytes that are in use after a garbage collection
	goroutines  int
	connections int // to Redis, without those of the worker and of the test itself
	keys        int64
	redisMemory int // bytes
}

func (r reading) String() string {
	return fmt.Sprintf("heap %5.1f MiB  goroutines %4d  connections %3d  keys %6d  Redis %5.1f MiB",
		mib(r.heap), r.goroutines, r.connections, r.keys, mib(r.redisMemory))
}

func mib[N int | uint64](bytes N) float64 { return float64(bytes) / (1 << 20) }

// first is the first reading. It has the lowest number of goroutines within half a second.
func (r *rig) first() reading {
	r.Helper()
	return r.read(settled(0, time.Second/2))
}

// atRest waits until there are no more than so many goroutines, and reads. Work beside requests, such as
// the end of a session, may still run: hence the wait.
func (r *rig) atRest(goroutines int) reading {
	r.Helper()
	return r.read(settled(goroutines, r.patience))
}

func (r *rig) read(goroutines int) reading {
	r.Helper()
	now := reading{goroutines: goroutines}
	runtime.GC()
	runtime.GC() // the first one keeps what is in a sync.Pool
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	now.heap = stats.HeapAlloc
	for own := -1; own != r.own(); { // the worker may just connect
		own = r.own()
		now.connections = r.info("clients", "connected_clients") - own
	}
	now.redisMemory = r.info("memory", "used_memory")
	var err error
	if now.keys, err = r.look.DBSize(r.Context()).Result(); err != nil {
		r.Fatal(err)
	}
	return now
}

// own is how many connections to Redis the worker and the test itself have.
func (r *rig) own() (n int) {
	for _, client := range []redis.UniversalClient{r.look, r.worker.Client()} {
		stats := client.(*redis.Client).PoolStats()
		n += int(stats.TotalConns + stats.PipelineStats.TotalConns + stats.PubSubStats.Active)
	}
	return n
}

// goroutines is how many there are, without those that Fasthttp keeps for later: one for each
// connection that has ended, for 10 to 20 s; one for each server, as long; and one for the date, for ever.
func goroutines() (n int) {
	var text bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2) // a buffer takes everything
	for stack := range strings.SplitSeq(text.String(), "\n\n") {
		idle := strings.Contains(stack, "fasthttp.(*workerPool).workerFunc(") && !strings.Contains(stack, "fasthttp.(*Server).serveConn(")
		if !idle && !strings.Contains(stack, "fasthttp.(*workerPool).Start.") && !strings.Contains(stack, "fasthttp.updateServerDate.") {
			n++
		}
	}
	return n
}

// settled returns the number of goroutines as soon as it is at most that many, and otherwise the
// lowest within that time.
func settled(atMost int, within time.Duration) int {
	lowest := goroutines()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for end := time.After(within); lowest > atMost; {
		select {
		case <-end:
			return lowest
		case <-poll.C:
			lowest = min(lowest, goroutines())
		}
	}
	return lowest
}

func (r *rig) info(section, field string) int {
	r.Helper()
	sections, err := r.look.InfoMap(r.Context(), section).Result()
	if err != nil {
		r.Fatal(err)
	}
	for _, fields := range sections {
		n, err := strconv.Atoi(fields[field])
		if err != nil {
			r.Fatalf("%s of INFO %s: %v", field, section, err)
		}
		return n
	}
	r.Fatalf("INFO %s is empty", section)
	return 0
}

// forEver are the keys that have no TTL, by design: the index of ends. A TTL could lose ends. It does not
// grow with time: a session leaves it when its end was handled, which ended checks.
var forEver = regexp.MustCompile(`^\{load_Ends_\d\d\}$`)

var handles = regexp.MustCompile(`[a-z2-7]{26}`)

// withoutTTL returns the kinds of keys that have no TTL and should have one, and how many there are.
// Designed is how many have none by design.
func (r *rig) withoutTTL() (kinds string, designed int) {
	r.Helper()
	ctx := r.Context()
	found := make(map[string]int)
	for cursor := uint64(0); ; {
		keys, next, err := r.look.Scan(ctx, cursor, "*", 1000).Result()
		if err != nil {
			r.Fatal(err)
		}
		ttls := make([]*redis.DurationCmd, len(keys))
		if _, err := r.look.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, key := range keys {
				ttls[i] = p.PTTL(ctx, key)
			}
			return nil
		}); err != nil {
			r.Fatal(err)
		}
		for i, key := range keys {
			if ttls[i].Val() != -1 {
				continue
			}
			if forEver.MatchString(key) {
				designed++
			} else {
				found[handles.ReplaceAllString(key, "S")]++
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	var texts []string
	for _, kind := range slices.Sorted(maps.Keys(found)) {
		texts = append(texts, fmt.Sprintf("%d %s", found[kind], kind))
	}
	return strings.Join(texts, ", "), designed
}
