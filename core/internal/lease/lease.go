package lease

import (
	"context"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

const (
	// A lease is renewed when a third of its TTL has passed. If that has failed, it is tried again when a
	// tenth of it has passed.
	renewals = 3
	retries  = 10
)

// Lease is the right of one request to change its session. A timer renews it every third of its
// TTL until Hold has passed, and sees it run out if that fails. The timer starts goroutines; at
// most one of them renews, and [tasks.Tasks.Close] waits for it. The methods of a nil Lease do
// nothing. It is safe for concurrent use.
type Lease struct {
	Token string // in Redis it marks who has the lease
	Keys  []any  // of the session, for [store.Store.Commit]

	leases *Leases
	handle string
	meta   store.Meta // of the session, as it was loaded
	proof  string     // of the session, as it was loaded
	pass   *gate.Pass

	mu       sync.Mutex
	timer    *time.Timer
	until    time.Time // the last moment to renew
	expires  time.Time // the first moment at which the lease may be free
	renewing bool
	phase    phase
	lost     chan struct{} // nil until somebody asks
}

// phase is where a lease stands.
type phase int

const (
	isHeld       phase = iota
	isCommitting       // a commit is under way, or its outcome is not known
	isOver
	isLost
)

// hold makes the lease that was taken, and starts to renew it.
func (ls *Leases) hold(a *acquisition, l store.Loaded) *Lease {
	held := &Lease{
		Token: a.token, Keys: l.Keys,
		leases: ls, handle: a.handle, meta: l.Meta, proof: l.Proof, pass: a.pass,
		until: a.asked.Add(ls.Hold), expires: a.asked.Add(ls.TTL),
	}
	ls.held.Add(1)
	held.mu.Lock()
	defer held.mu.Unlock()
	held.timer = time.AfterFunc(held.next(time.Now(), ls.TTL/renewals), held.tick)
	return held
}

// next is the time until a renewal after pause. It is the time until the end of the lease if that
// comes first, or if there is no renewal to come.
func (l *Lease) next(now time.Time, pause time.Duration) time.Duration {
	renewal := now.Add(pause)
	if renewal.Before(l.until) && renewal.Before(l.expires) {
		return pause
	}
	return l.expires.Sub(now)
}

// tick runs in a goroutine of the timer.
func (l *Lease) tick() {
	l.mu.Lock()
	now := time.Now()
	switch {
	case l.over():
		l.mu.Unlock()
		return
	case !now.Before(l.expires):
		l.mu.Unlock()
		l.lose()
		return
	}
	l.timer.Reset(l.expires.Sub(now)) // however long the renewal takes
	renews := !l.renewing && l.leases.Tasks.Add()
	l.renewing = l.renewing || renews
	l.mu.Unlock()
	if !renews {
		return
	}
	held, err := l.renew(now)
	if err != nil {
		l.leases.OnFailed(err)
	}
	if !held {
		l.lose()
	}
}

// renew returns false if this request does not have the lease any more. The error is only about the
// companion.
func (l *Lease) renew(now time.Time) (held bool, companion error) {
	ls := l.leases
	defer ls.Tasks.Done()
	ctx, cancel := context.WithDeadline(ls.Tasks.Context(), l.expires)
	defer cancel()
	status, err := ls.Store.Renew(ctx, l.handle, l.Token)
	if err == nil && status == store.Done && l.meta.Extras.Companion {
		_, companion = ls.Store.HoldCompanion(ctx, l.handle, l.proof, l.meta)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewing = false
	switch {
	case l.over():
	case err != nil: // try again soon
		l.timer.Reset(l.next(time.Now(), ls.TTL/retries))
	case status == store.Done:
		l.expires = now.Add(ls.TTL)
		l.timer.Reset(l.next(time.Now(), ls.TTL/renewals))
	default:
		return false, companion
	}
	return true, companion
}

// lose reports that the lease is lost, and lets the next request of this process try. It does nothing
// once a commit is under way: a commit that succeeds takes the lease away too, so only the commit
// can tell.
func (l *Lease) lose() {
	l.mu.Lock()
	reports := l.phase == isHeld
	if reports {
		l.phase = isLost
		l.leases.held.Add(-1)
		if l.lost != nil {
			close(l.lost)
		}
	}
	l.mu.Unlock()
	if reports {
		l.pass.Leave()
		l.leases.OnLost(l.handle)
	}
}

// Age returns for how long the request has had the lease.
func (l *Lease) Age() time.Duration {
	if l == nil {
		return 0
	}
	return time.Since(l.until) + l.leases.Hold
}

// Lost returns a channel that is closed when the lease is lost.
func (l *Lease) Lost() <-chan struct{} {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = make(chan struct{})
		if l.phase == isLost {
			close(l.lost)
		}
	}
	return l.lost
}

// WasLost tells whether the lease was lost before its request was done.
func (l *Lease) WasLost() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase == isLost
}

// Committing says that a commit is under way, which may be repeated for long. The lease is renewed
// all the same, until Hold has passed or it has run out.
func (l *Lease) Committing() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == isHeld {
		l.phase = isCommitting
	}
}

// Unreported tells whether a commit that finds the lease lost is the first to notice: OnLost was not
// called.
func (l *Lease) Unreported() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase == isCommitting
}

// Vouch says which proof the session has now, so that this process knows a client with the
// secret.
func (l *Lease) Vouch(proof string) {
	if l != nil {
		l.pass.Vouch(proof)
	}
}

// End ends the renewal, and lets the next request of this process try. It is for a lease that
// Redis does not hold any more, as after a commit.
func (l *Lease) End() {
	if l == nil {
		return
	}
	l.mu.Lock()
	if !l.over() {
		l.phase = isOver
		l.timer.Stop()
		l.leases.held.Add(-1)
	}
	l.mu.Unlock()
	l.pass.Leave()
}

// Release gives the lease up in Redis and ends it. If Redis cannot be reached, that is tried again
// beside the request, so that a failover does not keep a session from its user for all of TTL.
func (l *Lease) Release(ctx context.Context) error {
	if l == nil {
		return nil
	}
	defer l.End()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tasks.CleanupTime)
	defer cancel()
	err := l.leases.Store.Release(ctx, l.handle, l.Token)
	if err != nil {
		l.ReleaseLater()
	}
	return err
}

// ReleaseLater gives the lease up in Redis beside the request, after a call to Redis has failed.
// After Close it does nothing, since one more call would only fail too.
func (l *Lease) ReleaseLater() {
	if l == nil || l.leases.Tasks.Closed() {
		return
	}
	ls, handle, token := l.leases, l.handle, l.Token
	ls.Tasks.Later(func(ctx context.Context) error { return ls.Store.Release(ctx, handle, token) })
}

// Discard ends a lease whose request never began, beside that request.
func (l *Lease) Discard() {
	if l != nil {
		l.End()
		l.leases.release(l.handle, l.Token)
	}
}

// release gives up a lease, or a place in the queue for it, beside the request. If it fails, the
// lease runs out.
func (ls *Leases) release(handle, token string) {
	ls.Tasks.Go(func(ctx context.Context) error { return ls.Store.Release(ctx, handle, token) }, func(error) {})
}

// over tells whether there is nothing to renew any more.
func (l *Lease) over() bool { return l.phase == isOver || l.phase == isLost }
