package endtest

import (
	"context"
	"flag"
	"log"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

var sessions = flag.Int("sessions", someSessions, "how many sessions expire together")

const (
	sweep    = time.Second
	handlers = 64
	// leastTimeout is longer than saving a session takes: one that is looked for before it is saved may wait
	// for a sweep more.
	leastTimeout = 500 * time.Millisecond
)

func TestMain(m *testing.M) {
	if text := os.Getenv(workerEnv); text != "" {
		redis.SetLogger(silence{})
		if err := work(text); err != nil {
			log.Fatal(err)
		}
		return
	}
	flag.Parse()
	redis.SetLogger(silence{})
	redistest.Main(m, func(string) {}, func() error { return nil })
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func single(t *testing.T, args ...string) (*redistest.Server, settings) {
	t.Helper()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server, settings{Addrs: []string{server.Addr()}, Sweep: sweep, Handlers: handlers}
}

// create makes sessions that all expire at about the same moment, which it returns.
func create(t *testing.T, s settings, count int) (ids []string, deadline time.Time) {
	t.Helper()
	client := s.client()
	t.Cleanup(func() { _ = client.Close() })
	m, err := s.manager(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	deadline = time.Now().Add(min(3*time.Second, time.Duration(count)*time.Millisecond) + time.Duration(count)*250*time.Microsecond)
	ids = make([]string, count)
	const writers = 32
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for n := writer; n < count; n += writers {
				one, err := m.Begin(context.Background(), "", session.Exclusive)
				if err == nil {
					one.Set("n", n)
					one.SetTimeout(max(leastTimeout, time.Until(deadline)))
					err = one.Commit(context.Background())
				}
				if err != nil {
					t.Error(err)
					return
				}
				ids[n] = one.Handle()
			}
		})
	}
	all.Wait()
	if left := time.Until(deadline); left <= 0 {
		t.Logf("the first expired %v before the last was there, so the rate is one of creating them too", -left)
	}
	return ids, deadline
}

// tally is what workers have handled.
type tally struct {
	ids  map[string]int   // what a session has under "n"
	by   map[string][]int // which workers handled it, in order
	lags []time.Duration
	last time.Time
}

// collect reads endings until every session was handled, and calls half once half of
// them were.
func collect(t *testing.T, from <-chan ending, ids []string, half func()) *tally {
	t.Helper()
	y := &tally{ids: make(map[string]int, len(ids)), by: make(map[string][]int, len(ids))}
	for n, id := range ids {
		y.ids[id] = n
	}
	patience := time.NewTimer(5 * time.Minute)
	defer patience.Stop()
	for len(y.by) < len(ids) {
		select {
		case e := <-from:
			y.add(t, e)
			y.last = time.Now()
			if half != nil && len(y.by) >= len(ids)/2 {
				half()
				half = nil
			}
		case <-patience.C:
			t.Fatalf("%d of %d were handled", len(y.by), len(ids))
		}
	}
	return y
}

// drain reads what is left once no worker runs.
func (y *tally) drain(t *testing.T, from <-chan ending) {
	t.Helper()
	for len(from) > 0 {
		y.add(t, <-from)
	}
}

func (y *tally) add(t *testing.T, e ending) {
	t.Helper()
	if n, known := y.ids[e.id]; !known || n != e.n {
		t.Errorf("an end with the wrong data: %d, not %d", e.n, n)
	}
	y.by[e.id] = append(y.by[e.id], e.worker)
	y.lags = append(y.lags, e.lag)
}

// report prints rate and lag.
func (y *tally) report(t *testing.T, deadline time.Time) {
	t.Helper()
	slices.Sort(y.lags)
	took := y.last.Sub(deadline)
	t.Logf("%d sessions handled in %v: %.0f/s; %d duplicates; lag median %v, 99 %% %v, longest %v",
		len(y.by), took.Round(time.Millisecond), float64(len(y.by))/took.Seconds(), len(y.lags)-len(y.by),
		y.lags[len(y.lags)/2], y.lags[len(y.lags)*99/100], y.lags[len(y.lags)-1])
}

// killed runs two workers, of which one is killed at half.
func killed(t *testing.T, s settings) {
	t.Helper()
	ids, deadline := create(t, s, *sessions)
	endings := make(chan ending, 2*len(ids))
	first, second := start(t, 1, s, endings), start(t, 2, s, endings)
	y := collect(t, endings, ids, first.kill)
	second.stop()
	y.drain(t, endings)
	y.report(t, deadline)
	twice := 0
	for _, by := range y.by {
		if len(by) == 1 {
			continue
		}
		twice++
		if !slices.Equal(by, []int{1, 2}) {
			t.Errorf("handled by workers %v", by)
		}
	}
	// It held what its handlers were at, and what was being settled.
	if twice > handlers {
		t.Errorf("%d were handled twice, more than the killed one held", twice)
	}
}

func TestKilledWorker(t *testing.T) {
	_, s := single(t)
	killed(t, s)
}
