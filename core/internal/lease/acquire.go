package lease

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
	"github.com/berthgo/berth/core/internal/wake"
)

// Leases are the leases of the sessions of one application in this process. It is safe for
// concurrent use.
type Leases struct {
	TTL        time.Duration // how long a lease lives without a renewal
	Hold       time.Duration // how long it is renewed
	Wait       time.Duration // how long a request waits for one; negative: it does not wait
	MaxWaiters int           // how many requests of this process wait for one session

	Store   *store.Store
	Process *store.Process
	Waker   *wake.Waker
	Tasks   *tasks.Tasks
	Caller  *retry.Caller

	// Genuine returns why a session that was loaded is not to be trusted, nil if it is. Its error is
	// that of Acquire.
	Genuine func(handle string, l store.Loaded) error

	OnWaited func(ctx context.Context, d time.Duration) // a request has waited so long, in vain or not
	OnLost   func(handle string)                        // a lease was lost before its request was done
	OnFailed func(err error)                            // a companion was not renewed

	gates         gate.Gates
	held, waiting atomic.Int64
}

// Held returns how many leases there are in this process.
func (ls *Leases) Held() int64 { return ls.held.Load() }

// Waiting returns how many requests of this process wait for a lease.
func (ls *Leases) Waiting() int64 { return ls.waiting.Load() }

// Acquire waits for the lease of a session, takes it and loads the session. The proof is "" for
// a caller that was allowed to come with the handle alone. There is a lease only if the status
// is Done: any other session has nothing to lock.
//
// The error is that of Genuine, a [*TimeoutError], a [*retry.Failure], [tasks.ErrClosed] or [retry.ErrStopped] after
// Close, or what ended ctx. Wait bounds the waiting alone: a call to Redis may take as long as the
// Caller allows.
func (ls *Leases) Acquire(ctx context.Context, handle, proof string) (*Lease, store.Loaded, error) {
	a := &acquisition{leases: ls, ctx: ctx, handle: handle, proof: proof, began: time.Now()}
	defer a.end()
	l, err := a.enter()
	if a.pass == nil {
		return nil, l, a.gaveUp(err)
	}
	settled := false
	defer func() {
		if !settled { // or a hook of the client has panicked
			a.giveBack()
		}
	}()
	l, err = a.take()
	switch {
	case err != nil:
		return nil, l, a.gaveUp(err)
	case l.Gone: // the session went just after the lease was taken
		return nil, l, nil
	case l.Status == store.Done:
		if err := ls.Genuine(a.handle, l); err != nil {
			return nil, l, err
		}
	}
	settled = true
	switch l.Status {
	case store.Done:
		a.pass.Vouch(l.Proof)
		return ls.hold(a, l), l, nil
	case store.Busy: // and it was not to wait
		a.pass.Leave()
		return nil, l, a.gaveUp(errWait)
	default: // Redis holds no lease of it
		a.pass.Leave()
		return nil, l, nil
	}
}

// acquisition is the way of one request to a lease. Most requests never wait, so that part of it
// is made when it is first needed.
type acquisition struct {
	leases        *Leases
	ctx           context.Context // the request's
	handle, proof string
	began         time.Time
	waiting       context.Context // nil before the first wait
	free          func()          // frees what waiting needs
	pass          *gate.Pass      // nil before the gate

	queueing store.Queueing
	token    string          // of the last try
	asked    time.Time       // when that was sent: the lease may be that old
	woken    <-chan struct{} // nil until the request waits
}

// enter passes the gate. If it leaves pass nil, the request did not get in: because of the error, or
// because there is no such session.
//
// A client that knows the handle and not the secret must not keep the session's user waiting. So
// a request whose secret is not known yet asks Redis about it before it stands in line.
func (a *acquisition) enter() (l store.Loaded, err error) {
	ls := a.leases
	if a.pass = ls.gates.TryEnter(a.handle); a.pass != nil {
		return l, nil
	}
	if a.proof != "" && !ls.gates.Knows(a.handle, a.proof) {
		if l, err = a.look(); err != nil || l.Status != store.Done {
			return l, err
		}
		if err := ls.Genuine(a.handle, l); err != nil {
			return l, err
		}
	}
	a.pass, err = ls.gates.Enter(a.waitContext(), a.handle, a.limit())
	return l, err
}

// limit is how many may wait in this process.
func (a *acquisition) limit() int {
	if a.leases.Wait < 0 {
		return 0
	}
	return a.leases.MaxWaiters
}

func (a *acquisition) look() (l store.Loaded, err error) {
	ls := a.leases
	err = ls.Caller.Call(a.ctx, ls.Tasks.Context().Done(), func(int) (err error) {
		l, err = ls.Store.Load(a.ctx, a.handle, a.proof)
		return err
	})
	return l, err
}

// try asks for the lease. A try after a lost reply has a new token: a call that was only delayed
// then takes a lease with which nobody commits.
func (a *acquisition) try() (l store.Loaded, err error) {
	ls := a.leases
	err = ls.Caller.Call(a.ctx, ls.Tasks.Context().Done(), func(attempt int) (err error) {
		if attempt > 0 {
			a.stopListening()
			a.token = ls.Process.Token()
			if a.queueing == store.Queue {
				a.queueing = store.Again // the try before may have queued its token
			}
		}
		a.asked = time.Now()
		l, err = ls.Store.Begin(a.ctx, a.handle, a.proof, a.token, a.queueing)
		return err
	})
	return l, err
}

// giveBack gives up what a failed try may have left in Redis: the lease, if only the reply was
// lost, or a place in the queue.
func (a *acquisition) giveBack() {
	a.pass.Leave()
	a.leases.release(a.handle, a.token)
}
