package session

import (
	"context"
	"sync"
	"time"

	"github.com/berthgo/berth/core/internal/gate"
	"github.com/berthgo/berth/core/internal/store"
)

// lease is the exclusive lock of one session. A timer renews it every third of
// its TTL, until LockHold has passed or it is given up; renewing goes on in the
// timer's goroutine, at most one at a time, and Close waits for it.
type lease struct {
	m     *Manager
	key   string
	token string
	meta  store.Meta
	pass  *gate.Pass

	mu      sync.Mutex
	timer   *time.Timer
	until   time.Time // the last moment to renew
	expires time.Time // the first moment at which the lease may be free
	ended   bool      // given up or lost
	closing bool      // a commit is under way: its success looks like a loss
	lost    chan struct{}
	isLost  bool
}

// hold starts the renewal of a lease that was asked for at that time.
func (m *Manager) hold(key, token string, meta store.Meta, pass *gate.Pass, asked time.Time) *lease {
	now := time.Now()
	l := &lease{
		m: m, key: key, token: token, meta: meta, pass: pass,
		until: now.Add(m.options.LockHold), expires: asked.Add(m.options.LockTTL),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(l.next(now), l.renew)
	return l
}

// next is the time to the next renewal, or to the end of the lease if there is none.
func (l *lease) next(now time.Time) time.Duration {
	if renewal := now.Add(l.m.options.LockTTL / 3); renewal.Before(l.until) {
		return renewal.Sub(now)
	}
	return l.expires.Sub(now)
}

// renew runs in a goroutine of the timer.
func (l *lease) renew() {
	if !l.m.background() {
		return
	}
	defer l.m.running.Done()

	l.mu.Lock()
	now := time.Now()
	ended, expired := l.ended, !now.Before(l.expires)
	l.mu.Unlock()
	if ended {
		return
	}
	if expired {
		l.lose()
		return
	}
	ctx, cancel := context.WithDeadline(l.m.ctx, l.expires)
	defer cancel()
	status, err := l.m.store.Renew(ctx, l.key, l.token, l.meta)
	if err == nil && status != store.Done {
		l.lose()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	if err != nil {
		// Soon again, and in time to see the lease end.
		after := time.Now()
		l.timer.Reset(max(0, min(l.m.options.LockTTL/10, l.expires.Sub(after))))
		return
	}
	l.expires = now.Add(l.m.options.LockTTL)
	l.timer.Reset(l.next(time.Now()))
}

// lose reports that the lease has run out or was taken, and lets the next
// request of this process try.
func (l *lease) lose() {
	l.mu.Lock()
	if l.ended || l.closing {
		l.mu.Unlock()
		return
	}
	l.ended, l.isLost = true, true
	if l.lost != nil {
		close(l.lost)
	}
	l.mu.Unlock()
	l.pass.Leave()
	l.m.stats.leasesLost.Add(1)
	l.m.fail(l.m.ctx, ErrLockLost)
}

// committing is called around a commit. While one is under way the lease is
// renewed, since a commit may take all of RetryTimeout.
func (l *lease) committing(underWay bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = underWay
}

// giveUp ends the renewal.
func (l *lease) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.timer.Stop()
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
		if l.isLost {
			close(l.lost)
		}
	}
	return l.lost
}
