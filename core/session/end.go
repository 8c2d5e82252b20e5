package session

import (
	"context"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// Reason is why a session ended.
type Reason string

// Why a session ended.
const (
	Expired   Reason = "expired"   // there was no request for its timeout
	Outlived  Reason = "lifetime"  // it reached Options.MaxLifetime
	Abandoned Reason = "abandoned" // by [Session.Abandon]
	Operator  Reason = "operator"  // by [Manager.End], [Manager.EndAll] or [Info.End]
	Replaced  Reason = "replaced"  // by a newer one, over Options.MaxPerPrincipal
	Unknown   Reason = "unknown"   // its data were gone before its end was handled
)

// End ends a session, whoever holds it: its values are gone, its ID is retired
// for a minute, and a request that still holds it gets [ErrEnded] when it commits
// changes. It returns [ErrUnknown] if there is no such session, and an
// [*OpError] if Redis failed.
func (m *Manager) End(ctx context.Context, id string) error {
	if !validID(id) {
		return ErrUnknown
	}
	return m.endKey(ctx, m.key(id), Operator)
}

// endKey ends the session of that key.
func (m *Manager) endKey(ctx context.Context, key string, why Reason) error {
	if m.ctx.Err() != nil {
		return ErrClosed
	}
	r := store.Retirement{Token: m.process.Token(), Reason: string(why)}
	var status store.Status
	var had store.Extras
	err := m.call(ctx, opEnd, func(int) (err error) {
		status, had, err = m.retire(ctx, key, r)
		return err
	})
	switch {
	case err != nil:
		m.checkLater(key)
		m.fail(ctx, err)
		return err
	case status != store.Done:
		return ErrUnknown
	}
	m.stats.ended.Add(1)
	if had.Companion {
		if err := m.deleteCompanion(ctx, key); err != nil {
			m.fail(ctx, err)
		}
	}
	return nil
}

// retire ends a session, and has its end handled soon. The index of ends is told
// before, since a crash may come in between, and again after, since somebody may have
// looked in between, or this manager may not know TrackEnd.
func (m *Manager) retire(ctx context.Context, key string, r store.Retirement) (store.Status, store.Extras, error) {
	if m.options.TrackEnd && r.Reason != "" {
		if err := m.store.Hasten(ctx, key); err != nil {
			return 0, store.Extras{}, err
		}
	}
	status, had, err := m.store.Retire(ctx, key, r)
	if status == store.Done && r.Reason != "" && had.Retention != 0 {
		m.later(func(ctx context.Context) error {
			err := m.store.Hasten(ctx, key)
			m.enders.poke(store.Bucket(key))
			return err
		})
	}
	return status, had, err
}

// retention is how long the data of a new session outlives it, 0 if its end is not
// tracked.
func (m *Manager) retention() time.Duration {
	if !m.options.TrackEnd {
		return 0
	}
	return m.options.EndRetention
}

// forget takes a session that goes on under another ID out of the index of ends,
// beside the request.
func (m *Manager) forget(key string) {
	m.later(func(ctx context.Context) error { return m.store.Forget(ctx, key) })
}

// track has the end of a session tracked that was saved when TrackEnd was off.
func (s *Session) track(ctx context.Context) {
	err := s.m.store.Expect(ctx, s.key, s.meta)
	status := store.Status(0)
	if err == nil {
		status, err = s.m.store.Mark(ctx, s.key, store.Extras{Retention: s.m.options.EndRetention})
	}
	if status == store.Done {
		s.meta.Extras.Retention = s.m.options.EndRetention
	}
	s.m.report(ctx, opBegin, err)
}
