package ends

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/companion"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Ends are the ends of the sessions of one application. It is safe for concurrent use.
type Ends struct {
	Store   *store.Store
	Process *store.Process
	Tasks   *tasks.Tasks
	Caller  *retry.Caller

	Companions *companion.Companions

	Logger *slog.Logger
	App    string // for the log

	Tracked       bool          // new sessions are
	ClaimTTL      time.Duration // how long a claim lives without a renewal
	Retention     time.Duration // how long the data of a session outlives it
	Sweep         time.Duration // how often the whole index is looked at
	Handlers      int           // how many run at the same time
	Attempts      int           // how often an end is handed out
	Notifications bool          // turn on keyspace notifications

	// Genuine returns why what was stored is not to be trusted, nil if it is.
	Genuine func(c store.Claimed) error
	// ClaimLost is the cause with which the context of a handler ends.
	ClaimLost error

	OnFailed      func(ctx context.Context, err error) // something failed; the sweep goes on
	OnRetired     func(handle, reason string)          // a session was retired
	OnHandled     func(lag time.Duration)              // an end was handled, so long after it
	OnRedelivered func()                               // an end is handed out again
	OnAside       func(handle string)                  // an end is put aside

	mu       sync.Mutex
	sweepers map[*pokes]struct{} // those of this process
}

// Retire ends a session, and has its end handled soon. Its companion goes too: the second result is
// an error about that, and berth does it again beside the request. Retire repeats a failed call on
// the schedule of the Caller; the last error is a [*retry.Failure].
func (e *Ends) Retire(ctx context.Context, handle string, r store.Retirement) (status store.Status, companion, err error) {
	doubt := false
	err = e.Caller.Call(ctx, nil, func(int) (err error) {
		status, companion, err = e.RetireOnce(ctx, handle, r)
		doubt = doubt || retry.InDoubt(err)
		return err
	})
	if err != nil && doubt {
		e.Companions.Doubt(handle, r.Known)
	}
	return status, companion, err
}

// RetireOnce is one try of [Ends.Retire]. Repeated with the same token, it does nothing more.
//
// The end must be due in the index before the session ends, since this process may die right after.
// It is made due once more afterwards. A sweep in between may have found the session alive, and
// given it a later deadline. Or this process does not track ends, and others do.
func (e *Ends) RetireOnce(ctx context.Context, handle string, r store.Retirement) (status store.Status, companion, err error) {
	if e.Tracked {
		if err := e.Store.Hasten(ctx, handle); err != nil {
			return 0, nil, err
		}
	}
	status, had, err := e.Store.Retire(ctx, handle, r)
	if err != nil || status != store.Done {
		return status, nil, err
	}
	e.OnRetired(handle, r.Reason)
	if had.Retention != 0 {
		e.Tasks.Later(func(ctx context.Context) error {
			err := e.Store.Hasten(ctx, handle)
			e.poke(store.Bucket(handle))
			return err
		})
	}
	if had.Companion {
		companion = e.Companions.Delete(ctx, handle)
	}
	return status, companion, nil
}

// Track has the end of a session handled that was saved when ends were not tracked. It tells
// whether that was done: the session may be gone.
func (e *Ends) Track(ctx context.Context, handle string, m store.Meta) (bool, error) {
	if err := e.Store.Expect(ctx, handle, m); err != nil {
		return false, err
	}
	status, err := e.Store.Mark(ctx, handle, store.Extras{Retention: e.Retention})
	return status == store.Done, err
}

// poke has all sweepers of this process look at a bucket.
func (e *Ends) poke(bucket int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for p := range e.sweepers {
		p.poke(bucket)
	}
}

func (e *Ends) add(p *pokes) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sweepers == nil {
		e.sweepers = make(map[*pokes]struct{})
	}
	e.sweepers[p] = struct{}{}
}

func (e *Ends) remove(p *pokes) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sweepers, p)
}
