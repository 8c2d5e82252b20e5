package session

import (
	"context"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
)

// lease is the exclusive lock of one session. A timer renews it every third of
// its TTL until LockHold has passed, and sees it end if it is not renewed. What the
// timer calls runs in a goroutine of its own: one at most is renewing, and Close
// waits for it.
type lease struct {
	m      *Manager
	handle string
	keys   []any      // of the session, for its commit
	facts  store.Meta // of the session, as it was loaded
	proof  string     // likewise
	token  string
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
	held       phase = iota
	committing       // a commit is under way, or its outcome is not known
	givenUp
	lost
)

// hold starts the renewal of a lease that was asked for at that time.
func (m *Manager) hold(s *Session, keys []any, token string, pass *gate.Pass, asked time.Time) *lease {
	l := &lease{
		m: m, handle: s.handle, keys: keys, facts: s.meta, proof: s.proof, token: token, pass: pass,
		until: asked.Add(m.options.LockHold), expires: asked.Add(m.options.LockTTL),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(l.next(time.Now(), m.options.LockTTL/3), l.tick)
	return l
}

// next is the time to a renewal after pause, or to the end of the lease if that
// comes first or there is none to come.
func (l *lease) next(now time.Time, pause time.Duration) time.Duration {
	renewal := now.Add(pause)
	if renewal.Before(l.until) && renewal.Before(l.expires) {
		return pause
	}
	return l.expires.Sub(now)
}

// tick runs in a goroutine of the timer.
func (l *lease) tick() {
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
	renews := !l.renewing && l.m.background()
	l.renewing = l.renewing || renews
	l.mu.Unlock()
	if !renews {
		return
	}
	held, err := l.renew(now)
	l.m.report(l.m.ctx, opCompanion, err)
	if !held {
		l.lose()
	}
}

// renew returns false if the lease is somebody else's, or nobody's; and what has failed of
// the companion.
func (l *lease) renew(now time.Time) (held bool, companion error) {
	defer l.m.running.Done()
	ctx, cancel := context.WithDeadline(l.m.ctx, l.expires)
	defer cancel()
	status, err := l.m.store.Renew(ctx, l.handle, l.token)
	if err == nil && status == store.Done && l.facts.Extras.Companion {
		companion = l.m.store.HoldCompanion(ctx, l.handle, l.proof, l.facts)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewing = false
	ttl := l.m.options.LockTTL
	switch {
	case l.over():
	case err != nil: // again, soon
		l.timer.Reset(l.next(time.Now(), ttl/10))
	case status == store.Done:
		l.expires = now.Add(ttl)
		l.timer.Reset(l.next(time.Now(), ttl/3))
	default:
		return false, companion
	}
	return true, companion
}

// lose reports that the lease has run out or was taken, and lets the next
// request of this process try. Once a commit is under way, its success looks just like
// that: so what becomes of the commit tells more.
func (l *lease) lose() {
	l.mu.Lock()
	reports := l.phase == held
	if reports {
		l.phase = lost
		if l.lost != nil {
			close(l.lost)
		}
	}
	l.mu.Unlock()
	if reports {
		l.pass.Leave()
		l.m.stats.leasesLost.Add(1)
		l.m.fail(l.m.ctx, ErrLockLost)
	}
}

// commit says that a commit is under way. The lease is renewed until its outcome is
// known, since a commit may take all of RetryTimeout.
func (l *lease) commit() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == held {
		l.phase = committing
	}
}

// refused says that the lease was lost to another, which a commit has found.
func (l *lease) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == committing {
		l.m.stats.leasesLost.Add(1)
	}
}

// vouch lets those wait for the session whose proof has become the right one.
func (l *lease) vouch(proof string) {
	if l != nil {
		l.pass.Vouch(proof)
	}
}

// giveUp ends the renewal, and lets the next request of this process try.
func (l *lease) giveUp() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.end()
	l.mu.Unlock()
	l.pass.Leave()
}

// over tells whether there is nothing to renew any more.
func (l *lease) over() bool { return l.phase == givenUp || l.phase == lost }

func (l *lease) end() {
	if !l.over() {
		l.phase = givenUp
		l.timer.Stop()
	}
}

// Lost returns a channel that is closed when the session's lease was lost: a
// commit would be [ErrLockLost] or [ErrEnded]. A handler that runs for long can
// stop early. For a session that holds no lease the channel is nil.
func (s *Session) Lost() <-chan struct{} {
	if s.lease == nil {
		return nil
	}
	l := s.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = make(chan struct{})
		if l.phase == lost {
			close(l.lost)
		}
	}
	return l.lost
}
