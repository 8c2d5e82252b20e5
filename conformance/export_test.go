package conformance

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
)

// Witnessed returns an adapter whose run is searched for secrets. Issued gets every ID that a client has got
// or sent. Said gets every line of every log, and every error. What the cases write to Redis stays there.
func (a Adapter) Witnessed(issued func(id string), said io.Writer) Adapter {
	a.witness = &witness{issued, said}
	return a
}

// Failures runs those cases of the suite whose names are wanted, like [Run], but waits for less time.
// It returns the messages of the cases that failed, by the names of the cases.
func Failures(ctx context.Context, a Adapter, b Backend, patience time.Duration, wanted func(name string) bool) map[string][]string {
	var mu sync.Mutex
	failed := make(map[string][]string)
	var all sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, topic := range contents {
		for _, c := range topic.cases {
			name := topic.name + "/" + c.name
			if !wanted(name) {
				continue
			}
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				said := record(ctx, func(t T) { c.check(t, a, b, patience) })
				if len(said) > 0 {
					mu.Lock()
					defer mu.Unlock()
					failed[name] = said
				}
			})
		}
	}
	all.Wait()
	return failed
}

// record runs f in the way in which testing runs a test.
func record(ctx context.Context, f func(t T)) []string {
	ctx, cancel := context.WithCancel(ctx)
	r := &recorder{ctx: ctx}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v", p)
			}
		}()
		f(r)
	}()
	<-ended
	cancel()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said
}

// recorder is a [T] that records failures and fails no test.
type recorder struct {
	ctx      context.Context
	cleanups []func()

	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Skipf(string, ...any)     { runtime.Goexit() }
func (r *recorder) Cleanup(f func())         { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
