package session

import (
	"sync/atomic"
	"time"
)

// Stats are totals since the manager was made, and two figures of now.
type Stats struct {
	Begun        uint64        // sessions that Begin returned, of any kind
	Created      uint64        // new sessions saved
	Committed    uint64        // commits that succeeded, with changes or without
	RolledBack   uint64        // sessions that Rollback gave up, and commits that FailSilently gave up
	Ended        uint64        // sessions ended by Abandon, End, EndHandle, EndAll, EndOthers, Info.End or MaxPerPrincipal
	LockWaits    uint64        // requests that had to wait for a session
	LockWaitTime time.Duration // how long they waited, all together
	LockTimeouts uint64        // requests that did not get the session
	LeasesLost   uint64        // leases lost before commit or rollback
	Retries      uint64        // tries of requests' calls to Redis after the first
	Errors       uint64        // failures of any kind
	Held         int64         // now: sessions that requests of this process hold
	Waiting      int64         // now: requests of this process that wait for a session
	Detached     uint64        // detached sessions that Begin returned, without those of access None

	Watches      uint64 // calls of Watch
	WatchLooks   uint64 // pipelines that looked at watched sessions, and every retry of one
	WatchedLooks uint64 // sessions that these looked at

	EndsHandled     uint64        // ends for which a handler returned nil
	EndsRedelivered uint64        // ends handed out again
	EndsAside       uint64        // ends that were put aside
	EndLag          time.Duration // from the end of a session until it is handled, the sum of all
	EndLagMax       time.Duration // the longest of these
}

type stats struct {
	begun, created, committed, rolledBack, ended atomic.Uint64
	lockWaits, lockTimeouts, leasesLost          atomic.Uint64
	retries, errors, detached                    atomic.Uint64
	lockWaitTime                                 atomic.Int64
	endsHandled, endsRedelivered, endsAside      atomic.Uint64
	endLag, endLagMax                            atomic.Int64
	watches, watchLooks, watchedLooks            atomic.Uint64
}

func (s *stats) waited(d time.Duration) {
	s.lockWaits.Add(1)
	s.lockWaitTime.Add(int64(d))
}

func (s *stats) endHandled(lag time.Duration) {
	s.endsHandled.Add(1)
	lag = max(lag, 0) // clocks differ
	s.endLag.Add(int64(lag))
	for {
		longest := s.endLagMax.Load()
		if int64(lag) <= longest || s.endLagMax.CompareAndSwap(longest, int64(lag)) {
			return
		}
	}
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
		Held:         m.leases.Held(),
		Waiting:      m.leases.Waiting(),
		Detached:     m.stats.detached.Load(),

		Watches:      m.stats.watches.Load(),
		WatchLooks:   m.stats.watchLooks.Load(),
		WatchedLooks: m.stats.watchedLooks.Load(),

		EndsHandled:     m.stats.endsHandled.Load(),
		EndsRedelivered: m.stats.endsRedelivered.Load(),
		EndsAside:       m.stats.endsAside.Load(),
		EndLag:          time.Duration(m.stats.endLag.Load()),
		EndLagMax:       time.Duration(m.stats.endLagMax.Load()),
	}
}
