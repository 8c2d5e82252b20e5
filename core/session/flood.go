package session

import (
	"errors"
	"sync"
	"time"
)

// An outage makes every request fail in the same way. Of each kind of failure, the first floodLimit
// within floodSpan get a line in the log. The others are counted, and one line tells how many.
const (
	floodLimit = 10
	floodSpan  = time.Second
)

// floods counts failures by kind. It is safe for concurrent use.
type floods struct {
	mu    sync.Mutex
	kinds map[string]int // since the span began
}

// passes tells whether a failure gets a line of its own. Of the others, tell is called for each
// kind, once the span is over.
func (f *floods) passes(err error, tell func(kind string, count int)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kinds == nil {
		f.kinds = make(map[string]int)
	}
	if len(f.kinds) == 0 {
		time.AfterFunc(floodSpan, func() { f.end(tell) })
	}
	kind := kindOf(err)
	f.kinds[kind]++
	return f.kinds[kind] <= floodLimit
}

// end ends the span.
func (f *floods) end(tell func(kind string, count int)) {
	f.mu.Lock()
	kinds := f.kinds
	f.kinds = nil
	f.mu.Unlock()
	for kind, count := range kinds {
		if count > floodLimit {
			tell(kind, count-floodLimit)
		}
	}
}

// kindOf is an error's text without what differs from session to session.
func kindOf(err error) string {
	for _, kind := range []error{
		ErrLockTimeout, ErrLockLost, ErrEnded, ErrForged, ErrSealed, ErrReadOnly, ErrTooLarge, ErrClosed, ErrUnknown,
	} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	var failed *OpError
	if errors.As(err, &failed) {
		return failed.Error()
	}
	return err.Error()
}
