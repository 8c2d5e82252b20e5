//go:build testall

package load

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/berthgo/berth/core/session"
)

// flood is what was seen while a crowd asked for one session.
type flood struct {
	crowd      int // requests at the same time
	served     int
	refused    int // 503: more than MaxWaiters
	strange    []string
	kept       int           // what is in the session afterwards
	wait       time.Duration // the median of those that were served
	waiting    int64         // the most that waited
	goroutines int           // the most that there were
	heap       uint64
	others     round
}

// flood has a crowd ask for one session while the others go on. It ends when the crowd has its last answer.
func (r *rig) flood(addr string, m *session.Manager, p plan) flood {
	f := flood{crowd: p.crowd}
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-done:
				return
			case <-look.C:
				var stats runtime.MemStats
				runtime.ReadMemStats(&stats)
				f.heap = max(f.heap, stats.HeapAlloc)
				f.goroutines = max(f.goroutines, runtime.NumGoroutine())
				f.waiting = max(f.waiting, m.Stats().Waiting)
			}
		}
	}()
	crowded := make(chan flood, 1)
	go func() { crowded <- r.crowd(addr, p.crowd, p.flood) }()
	f.others = r.load(p.flood)
	c := <-crowded
	close(done)
	<-watched
	f.served, f.refused, f.strange, f.kept, f.wait = c.served, c.refused, c.strange, c.kept, c.wait
	return f
}

func (f flood) String() string {
	return fmt.Sprintf("heap %5.1f MiB  goroutines %4d  waiting %d  on the one session, of %d at once: %d served (p50 %.0f ms), %d refused",
		mib(f.heap), f.goroutines, f.waiting, f.crowd, f.served, ms(f.wait), f.refused)
}

// crowd floods one session with so many requests at the same time.
func (r *rig) crowd(addr string, size int, d time.Duration) (f flood) {
	owner, session := &client{}, &held{}
	if err := errors.Join(owner.dial(addr), owner.open(session)); err != nil {
		r.Errorf("the flood has no session: %v", err)
		return f
	}
	defer owner.hangUp()
	r.made.add(handle(session.id))
	var (
		mu   sync.Mutex
		wait histogram
		all  sync.WaitGroup
	)
	for range size {
		all.Go(func() {
			c := &client{}
			var served histogram
			refused, strange := 0, ""
			if err := c.dial(addr); err != nil {
				strange = err.Error()
			}
			defer c.hangUp()
			for start := time.Now(); strange == "" && time.Since(start) < d; {
				from := time.Now()
				got, err := c.get("/flood", session.id)
				switch {
				case err != nil:
					strange = err.Error()
				case got.status == http.StatusOK:
					served.add(time.Since(from))
				case got.status == http.StatusServiceUnavailable:
					refused++
				default:
					strange = fmt.Sprintf("%d %.200s", got.status, got.body)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			wait.merge(&served)
			f.refused += refused
			if strange != "" {
				f.strange = append(f.strange, strange)
			}
		})
	}
	all.Wait()
	f.served, f.wait = wait.total, wait.quantile(0.5)
	got, err := owner.get("/read", session.id)
	if err == nil {
		f.kept, err = strconv.Atoi(got.body)
	}
	if err == nil {
		_, err = owner.get("/out", session.id)
	}
	if err != nil {
		r.Errorf("the session of the flood: %v", err)
	}
	return f
}
