package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/internal/companion"
	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/ends"
	"github.com/berthgo/berth/core/internal/explain"
	"github.com/berthgo/berth/core/internal/failures"
	"github.com/berthgo/berth/core/internal/lease"
	"github.com/berthgo/berth/core/internal/observers"
	"github.com/berthgo/berth/core/internal/principal"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
	"github.com/berthgo/berth/core/internal/values"
	"github.com/berthgo/berth/core/internal/wake"
	"github.com/berthgo/berth/core/internal/watch"
)

// Manager is the engine: it begins sessions. An application has one, for as long
// as it runs. It is safe for concurrent use.
type Manager struct {
	options Options
	coding  *values.Coding
	carrier cookie.Carrier
	rules   draft.Rules
	stats   stats

	store      *store.Store
	process    *store.Process
	caller     *retry.Caller
	tasks      *tasks.Tasks
	waker      *wake.Waker
	leases     *lease.Leases
	companions *companion.Companions
	ends       *ends.Ends
	principals *principal.Principals
	watches    *watch.Watches

	observers observers.Observers[Op, Event]

	owned     io.Closer // the client, if it is the manager's
	closeOnce sync.Once
	closeErr  error

	failures failures.Failures
	warned   atomic.Bool // of a cookie without Secure
}

// New returns a Manager that keeps its sessions in the Redis behind client. It does not talk to
// Redis. The client stays the caller's, to close after the Manager. The error names every option
// that is wrong.
//
// RetryTimeout is the only schedule on which berth repeats the calls of requests, whatever the
// client's MaxRetries; the client's DialerRetries come on top of it. A context or a time limit
// ends waiting at once. It ends a call that is under way only if the client's option
// ContextTimeoutEnabled is set; otherwise the client's ReadTimeout does.
//
// With a [*redis.Client], calls of different requests share pipelines while there are 16,000 a
// second or more to a server nearby. A call that shares a pipeline ends with the client's own time
// limits, whatever becomes of its context, unless its deadline is sooner than ReadTimeout. Hooks of
// the client see it with the context of the first request in the pipeline. A connection that
// breaks is an error for all of them.
//
// No hook of the client may use the session of a context: Commit holds it meanwhile.
func New(client redis.UniversalClient, options Options) (*Manager, error) {
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("session: New needs a client, and got nil")
	}
	o, keys, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	sealer, err := values.NewSealer(o.App, o.encryptionKeys())
	if err != nil {
		return nil, err
	}
	if options.App == "" {
		o.Logger.Info("session: App is the import path of the main package; programs that share sessions must set the same", "app", o.App)
	}
	m := &Manager{
		options: o, failures: failures.Failures{Logger: o.Logger, App: o.App},
		coding:  &values.Coding{Codec: o.Codec, Sealer: sealer},
		carrier: cookie.Carrier{Settings: o.Cookie.settings(), InHeader: o.Header},
		process: store.NewProcess(),
		tasks:   tasks.New(o.LockTTL),
	}
	m.rules = draft.Rules{
		Timeout: o.Timeout, Anonymous: o.AnonymousTimeout, Lifetime: o.MaxLifetime, CookieAge: o.Cookie.MaxAge,
	}
	if o.TrackEnd {
		m.rules.Retention = o.EndRetention
	}
	m.caller = &retry.Caller{
		Timeout: o.RetryTimeout,
		Idle:    func() int { return int(client.PoolStats().IdleConns) },
		OnRetry: m.retried,
	}
	m.waker = wake.New(client, keys.Channel(m.process.Name()), func(key string) string {
		return keys.ShardChannel(key, m.process.Name())
	})
	m.store = &store.Store{
		Client: client, Keys: keys, LockTTL: o.LockTTL, Lifetime: o.MaxLifetime,
		Tracked: o.TrackEnd, Sharded: m.waker.Sharded(), Batches: batches(client),
	}
	if b := m.store.Batches; b != nil {
		b.OnBatch = func(ctx context.Context, calls int) { m.tell(ctx, Event{Op: OpBatch, Calls: calls}) }
	}
	m.companions = &companion.Companions{Store: m.store, Tasks: m.tasks, Caller: m.caller}
	m.leases = &lease.Leases{
		TTL: o.LockTTL, Hold: o.LockHold, Wait: o.LockWait, MaxWaiters: o.MaxWaiters,
		Store: m.store, Process: m.process, Waker: m.waker, Tasks: m.tasks, Caller: m.caller,
		Genuine:  func(handle string, l store.Loaded) error { return m.verify(l.MAC, handle, l.Proof, l.Meta) },
		OnWaited: m.waited,
		OnLost: func(handle string) {
			m.stats.leasesLost.Add(1)
			m.tell(m.tasks.Context(), Event{Op: OpLeaseLost, Handle: handle})
		},
		OnFailed: func(err error) { m.report(m.tasks.Context(), opCompanion, err) },
	}
	m.ends = &ends.Ends{
		Tracked: o.TrackEnd, ClaimTTL: o.LockTTL, Retention: o.EndRetention, Sweep: o.EndSweep,
		Handlers: o.EndHandlers, Attempts: o.EndAttempts, Notifications: o.EndNotifications,
		Store: m.store, Process: m.process, Tasks: m.tasks, Caller: m.caller, Companions: m.companions,
		Logger: o.Logger, App: o.App,
		Genuine: m.verifyEnded, ClaimLost: ErrLockLost,
		OnFailed: func(ctx context.Context, err error) { m.fail(ctx, &endError{translate(opHandleEnd, err)}) },
		OnRetired: func(handle, reason string) {
			m.stats.ended.Add(1)
			m.tell(m.tasks.Context(), Event{Op: OpEnd, Handle: handle, Reason: Reason(reason)})
		},
		OnHandled:     m.stats.endHandled,
		OnRedelivered: func() { m.stats.endsRedelivered.Add(1) },
		OnAside: func(handle string) {
			m.stats.endsAside.Add(1)
			m.tell(m.tasks.Context(), Event{Op: OpAside, Handle: handle})
		},
	}
	m.principals = &principal.Principals{
		Limit: o.MaxPerPrincipal, Refuse: o.RefuseOverLimit, Reason: string(Replaced), LockHold: o.LockHold, LockTTL: o.LockTTL,
		Store: m.store, Process: m.process, Tasks: m.tasks, Caller: m.caller, Ends: m.ends, Companions: m.companions,
		OnFailed: func(err error) { m.report(context.Background(), opList, err) },
	}
	m.watches = m.newWatches()
	return m, nil
}

// retried counts a call to Redis that is made again.
func (m *Manager) retried(ctx context.Context, attempt int, err error) {
	m.stats.retries.Add(1)
	m.tell(ctx, Event{Op: OpRetry, Attempt: attempt, Err: explain.Error(err)})
}

// batches returns nil where calls of different requests must not share a pipeline.
func batches(client redis.UniversalClient) *store.Batches {
	if one, ok := client.(*redis.Client); ok {
		return store.NewBatches(one.Options().ReadTimeout)
	}
	return nil
}

// Close ends what runs beside requests: the renewal of leases, subscriptions, watches and HandleEnd.
// Requests that wait for a session get [ErrClosed], as does every later Begin. A session that was
// begun before can still be committed within LockTTL, if the client is not the Manager's own.
//
// Close waits for its goroutines, which end within 5 seconds, or as long as the Redis client allows a
// call. It also waits for the handlers of [Manager.HandleEnd], so do not call it in one; anywhere else it may be called
// at any time, any number of times. It closes the client of a Manager that [Open] made, and returns
// that error. It does not close a client that was given to [New].
func (m *Manager) Close() error {
	m.tasks.Stop()
	m.waker.Close()
	m.tasks.Close()
	m.closeOnce.Do(func() {
		if m.owned != nil {
			m.closeErr = m.owned.Close()
		}
	})
	return m.closeErr
}

// Format prints the name of the application, and nothing else of the manager.
func (m *Manager) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session.Manager{App: %q}", m.options.App)
}
