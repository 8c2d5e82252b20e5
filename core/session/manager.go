package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/wake"
)

// cleanupTime bounds calls that only tidy up, such as giving up a lease after a
// rollback.
const cleanupTime = 5 * time.Second

// Manager is the engine: it begins sessions. An application has one, for as long
// as it runs. It is safe for concurrent use.
type Manager struct {
	options Options
	store   *store.Store
	process *store.Process
	sealer  *sealer
	gates   gate.Gates
	waker   *wake.Waker
	stats   stats
	enders  enders

	// What runs beside requests is bound to ctx and counted in running. closing
	// guards the step from one to the other.
	owned   io.Closer // the client, if it is the manager's
	closing sync.RWMutex
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup

	closeOnce sync.Once
	closeErr  error

	lastMu  sync.Mutex
	last    error
	lastSet time.Time
}

// New returns a Manager that keeps its sessions in the Redis behind client. The
// client stays the caller's, to close after the Manager. RetryTimeout is the only schedule on
// which the calls of requests are tried again, whatever the client's MaxRetries; DialerRetries
// come on top of it. Contexts and time limits end waits, but a call that is under way only with the
// client's own ReadTimeout, unless its option ContextTimeoutEnabled is set. With a
// [*redis.Client], calls of different requests share pipelines
// while there are 16,000 a second or more to a server nearby: such calls end with the
// client's own time limits, whatever becomes of their contexts, unless their deadline is
// sooner than ReadTimeout; hooks of the client see them with the context of the first
// request among them; and a connection that breaks is an error for all. No hook of the client
// may use the session of a context: Commit holds it meanwhile. New does
// not talk to Redis. The error names every option that is wrong.
func New(client redis.UniversalClient, options Options) (*Manager, error) {
	if client == nil {
		return nil, errors.New("session: New needs a client")
	}
	o, keys, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(o.App, o.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	process := store.NewProcess()
	waker := wake.New(client, keys.Channel(process.Name()), func(key string) string {
		return keys.ShardChannel(key, process.Name())
	})
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Manager{
		options: o,
		store: &store.Store{
			Client: client, Keys: keys, LockTTL: o.LockTTL, Lifetime: o.MaxLifetime,
			Tracked: o.TrackEnd, Sharded: waker.Sharded(), Batches: batches(client),
		},
		process: process,
		sealer:  sealer,
		waker:   waker,
		ctx:     ctx,
		cancel:  cancel,
	}, nil
}

// batches returns nil where calls of different requests must not share a pipeline.
func batches(client redis.UniversalClient) *store.Batches {
	if one, ok := client.(*redis.Client); ok {
		return store.NewBatches(one.Options().ReadTimeout)
	}
	return nil
}

// Close ends what runs beside requests: the renewal of leases, the subscription
// and the waiting of requests, which get [ErrClosed] like every later Begin.
// Sessions that are begun can still be committed, within LockTTL. Close waits
// for its goroutines, which end with the call to Redis they are in, and may be
// called at any time, any number of times. It closes the client of a Manager that
// [Open] made, and returns what that returned; a client that was given to [New] stays
// open, and the error is nil.
func (m *Manager) Close() error {
	m.closing.Lock()
	m.cancel(ErrClosed)
	m.closing.Unlock()
	m.waker.Close()
	m.running.Wait()
	m.closeOnce.Do(func() {
		if m.owned != nil {
			m.closeErr = m.owned.Close()
		}
	})
	return m.closeErr
}

// background counts the caller among what Close waits for, unless Close was
// called. Where it returns true, the caller must call m.running.Done.
func (m *Manager) background() bool {
	m.closing.RLock()
	defer m.closing.RUnlock()
	if m.ctx.Err() != nil {
		return false
	}
	m.running.Add(1)
	return true
}

// cleanup runs f beside the request, in a goroutine that ends with f, or after
// Close in the request's own. Close waits for f, and not for the hook that hears of its error.
func (m *Manager) cleanup(op string, f func(ctx context.Context) error) {
	run := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
		defer cancel()
		return f(ctx)
	}
	if !m.background() {
		m.report(context.Background(), op, run())
		return
	}
	go func() {
		err := run()
		m.running.Done()
		m.report(context.Background(), op, err)
	}()
}

// LastError returns the last failure of the manager and its time, or nil and the
// zero time. A failure stays until the next one.
func (m *Manager) LastError() (time.Time, error) {
	m.lastMu.Lock()
	defer m.lastMu.Unlock()
	return m.lastSet, m.last
}

// fail records a failure that is returned, or would be but for FailSilently.
func (m *Manager) fail(ctx context.Context, err error) {
	m.stats.errors.Add(1)
	m.lastMu.Lock()
	m.last, m.lastSet = err, time.Now()
	m.lastMu.Unlock()
	m.options.Logger.ErrorContext(ctx, "session failure", "app", m.options.App, "error", err)
	if hook := m.options.Hooks.OnError; hook != nil {
		hook(ctx, err)
	}
}

// report records a failure that nobody is waiting to hear of.
func (m *Manager) report(ctx context.Context, op string, err error) {
	if err != nil {
		m.fail(ctx, opError(op, err))
	}
}

// opError is the error of an operation that failed with err, nil if it did not.
func opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Err: err}
}

// call runs an operation on Redis on the schedule of RetryTimeout. A connection that turns out
// to be dead is no failure: the operation is tried at once on another, as often as there are
// idle ones that may be dead too, and once more. The operation
// must do the same when it is tried again after its reply was lost.
func (m *Manager) call(ctx context.Context, op string, try func(attempt int) error) error {
	var stop <-chan struct{}
	if op == opBegin {
		stop = m.ctx.Done()
	}
	attempt, spare := 0, -1 // how many more connections may be dead, negative if none was
	err := retry.Do(ctx, stop, m.options.RetryTimeout, store.Heals, func(int) error {
		for {
			if attempt > 0 {
				m.stats.retries.Add(1)
			}
			err := try(attempt)
			attempt++
			if !store.Broken(err) || spare == 0 {
				return err
			}
			if spare < 0 {
				spare = int(m.store.Client.PoolStats().IdleConns) + 1
			}
			spare--
		}
	})
	switch {
	case errors.Is(err, retry.ErrStopped):
		return ErrClosed
	case err != nil:
		return &OpError{Op: op, Err: err}
	}
	return nil
}

// The operations that an [OpError] names.
const (
	opBegin    = "begin"
	opCommit   = "commit"
	opRollback = "rollback"
	opEnd      = "end"
	opList     = "list"

	opCompanion = "companion"
	opHandleEnd = "handle end"
)

// silenced tells whether err is hidden from handlers that do not change whose session it is.
func (m *Manager) silenced(err error) bool {
	var failed *OpError
	return m.options.FailSilently && errors.As(err, &failed) && !errors.Is(err, store.ErrFormat)
}

// Format prints the name of the application, and nothing else of the manager.
func (m *Manager) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Manager{App: %q}", m.options.App)
}
