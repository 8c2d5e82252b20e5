package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// The index of a principal is told of a session when that signs in, and again by the
// first request after each of its timeouts. It lives long enough for that.
func indexLife(timeout time.Duration) time.Duration { return 2*timeout + time.Minute }

// errNoPrincipal is about sessions that belong to nobody.
var errNoPrincipal = errors.New(`session: the principal is "": sessions without one are in no index, see Manager.Sessions`)

// SessionsOf returns the live sessions of a principal, oldest sign-in first.
func (m *Manager) SessionsOf(ctx context.Context, principal string) ([]Info, error) {
	if principal == "" {
		return nil, errNoPrincipal
	}
	var live, gone []string
	var infos []Info
	err := m.call(ctx, opList, func(int) (err error) {
		listed, err := m.store.Listed(ctx, principal)
		if err != nil {
			return err
		}
		live, gone, infos = live[:0], gone[:0], infos[:0]
		found, err := m.store.Inspect(ctx, listed)
		for _, one := range found {
			if one.Status != store.Done || one.Meta.Principal != principal {
				gone = append(gone, one.ID)
				continue
			}
			live = append(live, one.ID)
			infos = append(infos, m.info(one))
		}
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return nil, err
	}
	m.unlist(principal, gone...)
	return infos, nil
}

// EndAll ends all sessions of a principal except those of the IDs given, as for "log
// me out everywhere else". It returns how many it ended; after an error some may be
// left.
func (m *Manager) EndAll(ctx context.Context, principal string, except ...string) (int, error) {
	if principal == "" {
		return 0, errNoPrincipal
	}
	var listed []string
	err := m.call(ctx, opList, func(int) (err error) {
		listed, err = m.store.Listed(ctx, principal)
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return 0, err
	}
	kept := make([]string, len(except))
	for i, id := range except {
		kept[i] = m.key(id)
	}
	var ended []string
	var errs []error
	for _, key := range listed {
		if slices.Contains(kept, key) {
			continue
		}
		switch err := m.endKey(ctx, key, Operator); {
		case err == nil:
			ended = append(ended, key)
		case !errors.Is(err, ErrUnknown):
			errs = append(errs, err)
		}
	}
	m.unlist(principal, ended...)
	return len(ended), errors.Join(errs...)
}

// enlist puts the session under its new ID into the index of its principal, in the
// place of another or as the newest. In the latter case the oldest end that are over
// MaxPerPrincipal.
func (s *Session) enlist(ctx context.Context, facts store.Meta, place string) error {
	if facts.Principal == "" {
		return nil
	}
	key := s.m.key(s.tried.id)
	return s.m.call(ctx, opCommit, func(int) error {
		e := store.Enlisting{Principal: facts.Principal, TTL: indexLife(facts.Timeout), Place: place}
		if place == "" {
			e.Limit = s.m.options.MaxPerPrincipal
		}
		status, others, err := s.m.store.Enlist(ctx, key, e)
		if err != nil || status != store.Busy {
			return err
		}
		found, err := s.m.store.Inspect(ctx, others)
		if err != nil {
			return err
		}
		for _, one := range found {
			if one.Status != store.Done {
				e.Gone = append(e.Gone, one.ID)
			}
		}
		e.MakeRoom = true
		_, oldest, err := s.m.store.Enlist(ctx, key, e)
		if err != nil {
			return err
		}
		return s.m.replace(ctx, facts.Principal, oldest)
	})
}

// replace ends sessions that newer ones have taken the place of. Until that is done
// they stay in the index, so that a second try finds them again.
func (m *Manager) replace(ctx context.Context, principal string, oldest []string) error {
	for _, key := range oldest {
		r := store.Retirement{Token: m.process.Token(), Reason: string(Replaced)}
		status, err := m.retire(ctx, key, r)
		if err != nil {
			return err
		}
		if status == store.Done {
			m.stats.ended.Add(1)
			if !m.options.HashIDs {
				m.deleteCompanion(ctx, key)
			}
		}
	}
	if len(oldest) == 0 {
		return nil
	}
	return m.store.Unlist(ctx, principal, oldest...)
}

// place is the session whose place in the index a rotation takes.
func (s *Session) place() string {
	if s.principal == s.meta.Principal {
		return s.key
	}
	return ""
}

// relist tells the index of its principal of a session once more, beside the request.
func (m *Manager) relist(key string, facts store.Meta) {
	m.cleanup(func(ctx context.Context) {
		e := store.Enlisting{Principal: facts.Principal, TTL: indexLife(facts.Timeout)}
		_, _, err := m.store.Enlist(ctx, key, e)
		status := store.Done
		if err == nil {
			status, err = m.store.Mark(ctx, key, store.Extras{Listed: time.Now()})
		}
		if err == nil && status != store.Done {
			err = m.store.Unlist(ctx, facts.Principal, key) // it has ended since
		}
		m.report(ctx, opList, err)
	})
}

// unlist takes sessions that are gone out of the index of a principal, beside the
// request. What stays behind is cleaned when it is met.
func (m *Manager) unlist(principal string, keys ...string) {
	if principal == "" || len(keys) == 0 {
		return
	}
	m.cleanup(func(ctx context.Context) { _ = m.store.Unlist(ctx, principal, keys...) })
}
