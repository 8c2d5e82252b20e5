package ends

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Handler handles the end of one session.
type Handler func(ctx context.Context, c store.Claimed) error

// Handle hands the sessions that end to handler, until ctx ends or the tasks are closed: then it
// takes no more, waits for the handlers that run, and returns nil, or [tasks.ErrClosed].
func (e *Ends) Handle(ctx context.Context, handler Handler) error {
	if !e.Tasks.Add() {
		return tasks.ErrClosed
	}
	s := &sweeper{
		Ends: e, handler: handler,
		slots:   make(chan struct{}, e.Handlers),
		handled: make(chan settlement),
		pokes:   newPokes(),
	}
	err := s.sweep(ctx)
	e.Tasks.Done()
	s.reports.Wait() // not before Done: OnFailed may close the tasks, which waits for that
	return err
}

func (s *sweeper) sweep(ctx context.Context) error {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.Tasks.Context(), func() { stop(tasks.ErrClosed) })()
	s.add(s.pokes)
	defer s.remove(s.pokes)

	var others sync.WaitGroup
	others.Go(func() { s.settle(running) })
	others.Go(func() { s.listen(running) })
	others.Go(func() { s.warnOfEviction(running) })
	s.run(running)
	for range cap(s.slots) {
		s.slots <- struct{}{} // every handler has given its slot back
	}
	close(s.handled)
	others.Wait()
	if errors.Is(context.Cause(running), tasks.ErrClosed) {
		return tasks.ErrClosed
	}
	return nil
}

// sweeper is one call of Handle. These goroutines belong to it: the caller's, which sweeps the
// index and claims; one that listens to notifications; one that settles what was handled; and two
// for every handler that runs.
type sweeper struct {
	*Ends
	handler Handler
	slots   chan struct{} // one in it for every handler that runs
	handled chan settlement
	pokes   *pokes
	reports sync.WaitGroup // handlers and calls of OnFailed
	refused atomic.Bool    // the server refused to turn on notifications, and that was logged
}

// claimAtMost is how many sessions are claimed in one round trip, if so many handlers are free.
const claimAtMost = 128

// run looks for ended sessions until ctx ends. It looks at the whole index in each Sweep, and at
// the buckets that were poked at once.
func (s *sweeper) run(ctx context.Context) {
	pause := func() time.Duration {
		return s.Sweep/2 + rand.N(s.Sweep/2) //nolint:gosec // no secret depends on it
	}
	sweep := time.NewTimer(pause()) // not begun anew by a poke: however many come, the sweep does too
	defer sweep.Stop()
	s.pokes.all()
	for {
		s.look(ctx)
		select {
		case <-s.pokes.poked:
		case <-sweep.C:
			s.pokes.all()
			sweep.Reset(pause())
		case <-ctx.Done():
			return
		}
	}
}

// look takes one batch of each bucket that was poked. It pokes those that may have more, so that a full
// bucket does not keep the others waiting.
func (s *sweeper) look(ctx context.Context) {
	for _, bucket := range s.pokes.take() {
		if ctx.Err() != nil {
			return
		}
		more, err := s.batch(ctx, bucket)
		if err != nil && ctx.Err() == nil {
			s.reports.Go(func() { s.OnFailed(ctx, &retry.Failure{Err: err}) }) // it may wait for this sweep, by Close
		}
		if retry.Heals(err) {
			return // the others would fail too; the next sweep finds them
		}
		if more && err == nil {
			s.pokes.poke(bucket)
		}
	}
}

// batch takes sessions that are due from a bucket, as many as there are free slots: for a while they
// are not due to other processes. It claims those that have ended and starts their handlers. More
// tells whether the bucket may have others.
func (s *sweeper) batch(ctx context.Context, bucket int) (more bool, err error) {
	free := s.acquire(ctx)
	if free == 0 {
		return false, nil
	}
	defer func() {
		for range free {
			<-s.slots
		}
	}()
	limit := free
	handles, until, err := s.Store.Due(ctx, bucket, s.ClaimTTL, limit)
	if err != nil || len(handles) == 0 {
		return false, err
	}
	// Each batch has a token of its own. So a session whose handler runs in this process is found
	// claimed, too, if it comes up again.
	now, token := time.Now(), s.Process.Token()
	alive := make(map[string]time.Time)
	for _, c := range s.claim(ctx, handles, token) {
		switch {
		case c.Err != nil:
			err = c.Err
		case c.Status == store.Done:
			free-- // the slot is the handler's
			s.reports.Go(func() { s.handle(c, token, now) })
		case c.Status == store.Alive:
			alive[c.Handle] = now.Add(c.Left)
		}
	}
	if len(alive) > 0 {
		if failed := s.Store.Defer(ctx, bucket, until, alive); failed != nil {
			err = failed
		}
	}
	return len(handles) == limit, err
}

// claim claims ends for a token. It tries again at once what failed. If only the reply was lost,
// that does not count as another attempt.
func (s *sweeper) claim(ctx context.Context, handles []string, token string) []store.Claimed {
	claims := s.Store.Claim(ctx, handles, token, s.keep())
	var failed []string
	claims = slices.DeleteFunc(claims, func(c store.Claimed) bool {
		heals := retry.Heals(c.Err)
		if heals {
			failed = append(failed, c.Handle)
		}
		return heals
	})
	if len(failed) == 0 {
		return claims
	}
	return append(claims, s.Store.Claim(ctx, failed, token, s.keep())...)
}

// acquire waits for a free slot and takes all that are free. It returns how many, 0 if ctx has
// ended.
func (s *sweeper) acquire(ctx context.Context) int {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < claimAtMost; n++ {
		select {
		case s.slots <- struct{}{}:
		default:
			return n
		}
	}
	return claimAtMost
}

// pokes are the buckets to look at next. It is safe for concurrent use.
type pokes struct {
	poked chan struct{} // holds one signal if there are any

	mu      sync.Mutex
	buckets [store.Buckets]bool
}

func newPokes() *pokes { return &pokes{poked: make(chan struct{}, 1)} }

func (p *pokes) poke(bucket int) {
	p.mu.Lock()
	p.buckets[bucket] = true
	p.mu.Unlock()
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

func (p *pokes) all() {
	for bucket := range store.Buckets {
		p.poke(bucket)
	}
}

// take returns the buckets and forgets them. Their order is random, so that processes start with
// different ones.
func (p *pokes) take() []int {
	select {
	case <-p.poked:
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []int
	for _, bucket := range rand.Perm(store.Buckets) { //nolint:gosec // no secret depends on it
		if p.buckets[bucket] {
			p.buckets[bucket] = false
			taken = append(taken, bucket)
		}
	}
	return taken
}
