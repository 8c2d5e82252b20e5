package session

import (
	"sync/atomic"
	"time"
)

// Stats are totals since the manager was made.
type Stats struct {
	Begun        uint64        // sessions that Begin returned, of any kind
	Created      uint64        // new sessions saved
	Committed    uint64        // commits that succeeded, with changes or without
	RolledBack   uint64        // sessions that Rollback gave up
	Ended        uint64        // sessions ended by Abandon or End
	LockWaits    uint64        // requests that had to wait for a session
	LockWaitTime time.Duration // how long those waited together
	LockTimeouts uint64        // requests that gave up, or were not to wait
	LeasesLost   uint64        // leases lost before commit or rollback
	Retries      uint64        // calls to Redis that were tried again
	Errors       uint64        // failures of any kind
	Detached     uint64        // detached sessions handed out, but for access None
}

type stats struct {
	begun, created, committed, rolledBack, ended atomic.Uint64
	lockWaits, lockTimeouts, leasesLost          atomic.Uint64
	retries, errors, detached                    atomic.Uint64
	lockWaitTime                                 atomic.Int64
}

// Stats returns totals since the manager was made. It is safe for concurrent
// use; the figures are not a snapshot of one moment.
func (m *Manager) Stats() Stats {
	return Stats{
		Begun:        m.stats.begun.Load(),
		Created:      m.stats.created.Load(),
		Committed:    m.stats.committed.Load(),
		RolledBack:   m.stats.rolledBack.Load(),
		Ended:        m.stats.ended.Load(),
		LockWaits:    m.stats.lockWaits.Load(),
		LockWaitTime: time.Duration(m.stats.lockWaitTime.Load()),
		LockTimeouts: m.stats.lockTimeouts.Load(),
		LeasesLost:   m.stats.leasesLost.Load(),
		Retries:      m.stats.retries.Load(),
		Errors:       m.stats.errors.Load(),
		Detached:     m.stats.detached.Load(),
	}
}
