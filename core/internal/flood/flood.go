package flood

import (
	"sync"
	"time"
)

// Of each kind of failure, the first Limit within Span pass.
const (
	Limit = 10
	Span  = time.Second
)

// Gate counts failures by kind. The zero value is ready for use. It is safe for concurrent use.
type Gate struct {
	mu    sync.Mutex
	kinds map[string]int // since the span began
}

// Passes tells whether a failure of a kind gets a line of its own. Once the span is over, tell hears of
// each kind how many others there were.
func (f *Gate) Passes(kind string, tell func(kind string, count int)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kinds == nil {
		f.kinds = make(map[string]int)
	}
	if len(f.kinds) == 0 {
		time.AfterFunc(Span, func() { f.end(tell) })
	}
	f.kinds[kind]++
	return f.kinds[kind] <= Limit
}

// end ends the span.
func (f *Gate) end(tell func(kind string, count int)) {
	f.mu.Lock()
	kinds := f.kinds
	f.kinds = nil
	f.mu.Unlock()
	for kind, count := range kinds {
		if count > Limit {
			tell(kind, count-Limit)
		}
	}
}
