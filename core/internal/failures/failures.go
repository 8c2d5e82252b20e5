package failures

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Of each kind of failure, the first Limit within Span get a line.
const (
	Limit = 10
	Span  = time.Second
)

// Failures are those of one application. It is safe for concurrent use.
type Failures struct {
	Logger *slog.Logger
	App    string

	mu    sync.Mutex
	kinds map[string]int // since the span began
	last  error
	at    time.Time
}

// Add keeps a failure, and logs it unless there were many of its kind. Of what it is about, attributes without
// a text are left out.
func (f *Failures) Add(ctx context.Context, kind string, err error, about ...slog.Attr) {
	if !f.count(kind, err) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 2+len(about)), slog.String("app", f.App), slog.Any("error", err))
	for _, a := range about {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	f.Logger.LogAttrs(ctx, slog.LevelError, "session failure", attrs...)
}

// Last returns the last failure and its time, or nil and the zero time.
func (f *Failures) Last() (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at, f.last
}

// count tells whether a failure of a kind gets a line of its own.
func (f *Failures) count(kind string, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last, f.at = err, time.Now()
	if f.kinds == nil {
		f.kinds = make(map[string]int)
	}
	if len(f.kinds) == 0 {
		time.AfterFunc(Span, f.end)
	}
	f.kinds[kind]++
	return f.kinds[kind] <= Limit
}

// end ends the span, and logs of each kind how many failures got no line of their own.
func (f *Failures) end() {
	f.mu.Lock()
	kinds := f.kinds
	f.kinds = nil
	f.mu.Unlock()
	for kind, count := range kinds {
		if count > Limit {
			f.Logger.Error("session failures, more of the same", "app", f.App, "error", kind, "count", count-Limit)
		}
	}
}
