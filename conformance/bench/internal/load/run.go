package load

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run came to.
type Result struct {
	// Counts has the requests of each client.
	Counts []int
	// Elapsed is from the first request to the last response.
	Elapsed time.Duration
	// Latency is of all clients, in ns.
	Latency *hdrhistogram.Histogram
}

// Count is the requests of all clients.
func (r Result) Count() int {
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	return total
}

// Rate is in requests per second.
func (r Result) Rate() float64 { return float64(r.Count()) / r.Elapsed.Seconds() }

// newHistogram has 1 µs as its finest step and errs by 0.1 % at most.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(2*patience), 3)
}

// Run lets each client send requests, one after the other, for the duration but one at
// least, and returns when all have their last response. A client ends at its first error.
// At [ErrUsedUp] all clients end, which is no failure.
func Run(clients int, d time.Duration, request func(client int) error) (Result, error) {
	var (
		wg      sync.WaitGroup
		r       = Result{Counts: make([]int, clients), Latency: newHistogram()}
		latency = make([]*hdrhistogram.Histogram, clients)
		errs    = make([]error, clients)
		usedUp  atomic.Bool
	)
	for i := range latency {
		latency[i] = newHistogram()
	}
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			count := 0
			for from := time.Now(); errs[i] == nil; {
				if errs[i] = request(i); errs[i] != nil {
					break
				}
				now := time.Now()
				errs[i] = latency[i].RecordValue(int64(now.Sub(from)))
				count++
				if from = now; from.Sub(start) >= d || usedUp.Load() {
					break
				}
			}
			if errors.Is(errs[i], ErrUsedUp) {
				usedUp.Store(true)
				errs[i] = nil
			}
			r.Counts[i] = count
		})
	}
	wg.Wait()
	r.Elapsed = time.Since(start)
	for _, h := range latency {
		r.Latency.Merge(h)
	}
	return r, errors.Join(errs...)
}
