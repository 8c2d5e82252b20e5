package session

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// The index of a principal is told of a session when that signs in, and again by the
// first request after each of its timeouts. It lives long enough for that.
func indexLife(timeout time.Duration) time.Duration { return 2*timeout + time.Minute }

// errNoPrincipal is about sessions that belong to nobody.
var errNoPrincipal = errors.New(`session: the principal is "": sessions without one are in no index, see Manager.Sessions`)

// SessionsOf returns the live sessions of a principal, oldest sign-in first. The principal
// "" is an error: sessions without one are in no index, see [Manager.Sessions].
func (m *Manager) SessionsOf(ctx context.Context, principal string) ([]Info, error) {
	switch {
	case principal == "":
		return nil, errNoPrincipal
	case m.ctx.Err() != nil:
		return nil, ErrClosed
	}
	var gone []string
	var infos []Info
	err := m.call(ctx, opList, func(int) error {
		// One that was rotated between the listing and the look is there under its new
		// ID the second time.
		for range 2 {
			listed, err := m.store.Listed(ctx, principal)
			if err != nil {
				return err
			}
			gone, infos = gone[:0], infos[:0]
			found, unreadable, err := m.inspect(ctx, listed)
			if err != nil {
				return err
			}
			m.report(ctx, opList, unreadable)
			for _, one := range found {
				if one.Status != store.Done || one.Meta.Principal != principal {
					gone = append(gone, one.ID)
					continue
				}
				infos = append(infos, m.info(one))
			}
			if len(gone) == 0 {
				break
			}
		}
		return nil
	})
	if err != nil {
		m.fail(ctx, err)
		return nil, err
	}
	m.unlist(principal, gone...)
	return infos, nil
}

// inspect looks at sessions. It leaves out those that a newer version of berth has written,
// and says so.
func (m *Manager) inspect(ctx context.Context, listed []store.Listing) (found []store.Inspected, unreadable, err error) {
	ids := make([]string, len(listed))
	for i, l := range listed {
		ids[i] = l.ID
	}
	found, err = m.store.Inspect(ctx, ids)
	if errors.Is(err, store.ErrFormat) {
		return found, err, nil
	}
	return found, nil, err
}

// EndAll ends all sessions of a principal that have signed in by now, except those of the
// IDs given, as for "log me out everywhere else". It returns how many it ended; after an
// error some may be left.
func (m *Manager) EndAll(ctx context.Context, principal string, except ...string) (int, error) {
	switch {
	case principal == "":
		return 0, errNoPrincipal
	case m.ctx.Err() != nil:
		return 0, ErrClosed
	}
	kept := make(map[string]bool)
	for _, id := range except {
		kept[m.key(id)] = true
	}
	// A session that is rotated meanwhile comes up again under its new ID, with the score
	// of its sign-in. Later sign-ins have higher ones.
	keptScores, met := make(map[float64]bool), make(map[string]bool)
	ended, newest := 0, math.Inf(1)
	var errs []error
	for more := true; more; {
		var listed []store.Listing
		err := m.call(ctx, opList, func(int) (err error) {
			listed, err = m.store.Listed(ctx, principal)
			return err
		})
		if err != nil {
			m.fail(ctx, err)
			return ended, errors.Join(append(errs, err)...)
		}
		if math.IsInf(newest, 1) && len(listed) > 0 {
			newest = listed[len(listed)-1].Score
		}
		for _, l := range listed {
			keptScores[l.Score] = keptScores[l.Score] || kept[l.ID]
		}
		more = false
		var gone []string
		for _, l := range listed {
			if met[l.ID] || keptScores[l.Score] || l.Score > newest {
				continue
			}
			met[l.ID], more = true, true
			switch err := m.endKey(ctx, l.ID, Operator); {
			case err == nil:
				ended++
				gone = append(gone, l.ID)
			case errors.Is(err, ErrUnknown):
				gone = append(gone, l.ID)
			default:
				errs = append(errs, err)
			}
		}
		m.unlist(principal, gone...)
	}
	return ended, errors.Join(errs...)
}

// enlist puts the session under its new ID into the index of its principal, in the
// place of another or as the newest; it returns false if that place is not there. Of an
// index that has grown large it looks at some, and cleans it.
func (s *Session) enlist(ctx context.Context, facts store.Meta, place string) (listed bool, err error) {
	if facts.Principal == "" {
		return true, nil
	}
	err = s.m.call(ctx, opCommit, func(int) error {
		status, old, err := s.m.store.Enlist(ctx, s.m.key(s.tried.id), facts.Principal, indexLife(facts.Timeout), place)
		listed = status != store.Unknown
		if err != nil || status != store.Busy {
			return err
		}
		found, err := s.m.store.Inspect(ctx, old)
		if gone := goneOf(found); err == nil && len(gone) > 0 {
			s.m.unlist(facts.Principal, gone...)
		}
		return nil
	})
	return listed, err
}

// checkIndex tells whether the index of a principal can be read, before a sign-in
// retires anything.
func (s *Session) checkIndex(ctx context.Context, principal string) error {
	if principal == "" {
		return nil
	}
	return s.m.call(ctx, opCommit, func(int) error { return s.m.store.CheckIndex(ctx, principal) })
}

func goneOf(found []store.Inspected) (gone []string) {
	for _, one := range found {
		if one.Status != store.Done {
			gone = append(gone, one.ID)
		}
	}
	return gone
}

// makeRoom ends the oldest sessions of a principal that has just signed in, over
// MaxPerPrincipal.
func (s *Session) makeRoom(ctx context.Context, principal string) error {
	return s.m.call(ctx, opCommit, func(int) error { return s.m.makeRoom(ctx, principal, s.copies, s.note) })
}

// makeRoom does so, and tells note of what it goes on without. Sessions that cannot be read
// count, and stay; copies of the one that has signed in, which are still to be discarded, do
// not count.
func (m *Manager) makeRoom(ctx context.Context, principal string, copies []try, note func(error)) error {
	limit := m.options.MaxPerPrincipal
	if principal == "" || limit == 0 {
		return nil
	}
	list := func() ([]store.Listing, error) {
		listed, err := m.store.Listed(ctx, principal)
		return slices.DeleteFunc(listed, func(l store.Listing) bool {
			return slices.ContainsFunc(copies, func(t try) bool { return m.key(t.id) == l.ID })
		}), err
	}
	listed, err := list()
	if err != nil || len(surplus(listed, limit)) == 0 {
		return err
	}
	if err := m.dropGone(ctx, principal, listed, note); err != nil {
		return err
	}
	// Again after each step, since one may have been rotated out of the way meanwhile.
	for met := make(map[string]bool); ; {
		if listed, err = list(); err != nil {
			return err
		}
		oldest := slices.DeleteFunc(surplus(listed, limit), func(key string) bool { return met[key] })
		if len(oldest) == 0 {
			return nil
		}
		for _, key := range oldest {
			met[key] = true
		}
		if err := m.replace(ctx, principal, oldest, note); err != nil {
			return err
		}
	}
}

// surplus are the sessions of the oldest sign-ins over a limit.
func surplus(listed []store.Listing, limit int) (oldest []string) {
	signIns := 0
	for i := len(listed) - 1; i >= 0; i-- {
		if i == len(listed)-1 || listed[i].Score != listed[i+1].Score {
			signIns++
		}
		if signIns > limit {
			oldest = append(oldest, listed[i].ID)
		}
	}
	slices.Reverse(oldest)
	return oldest
}

// dropGone takes those of the sessions that are gone out of the index.
func (m *Manager) dropGone(ctx context.Context, principal string, listed []store.Listing, note func(error)) error {
	found, unreadable, err := m.inspect(ctx, listed)
	if err != nil {
		return err
	}
	note(opError(opList, unreadable))
	gone := goneOf(found)
	if len(gone) == 0 {
		return nil
	}
	return m.store.Unlist(ctx, principal, gone...)
}

// replace ends sessions that newer ones have taken the place of. Until that is done
// they stay in the index, so that a second try finds them again.
func (m *Manager) replace(ctx context.Context, principal string, oldest []string, note func(error)) error {
	for _, key := range oldest {
		r := store.Retirement{Token: m.process.Token(), Reason: string(Replaced)}
		status, had, err := m.retire(ctx, key, r)
		if errors.Is(err, store.ErrFormat) {
			note(opError(opCommit, err))
			continue
		}
		if err != nil {
			m.checkLater(key)
			return err
		}
		if status == store.Done {
			m.stats.ended.Add(1)
		}
		if had.Companion {
			note(m.deleteCompanion(ctx, key))
		}
		if err := m.store.Unlist(ctx, principal, key); err != nil {
			return err
		}
	}
	return nil
}

// relist tells the index of its principal of a session once more, beside the request.
func (m *Manager) relist(key string, facts store.Meta) {
	m.cleanup(opList, func(ctx context.Context) error {
		if _, _, err := m.store.Enlist(ctx, key, facts.Principal, indexLife(facts.Timeout), ""); err != nil {
			return err
		}
		status, err := m.store.Mark(ctx, key, store.Extras{Listed: time.Now()})
		if err == nil && status != store.Done {
			err = m.store.Unlist(ctx, facts.Principal, key) // it has ended since
		}
		return err
	})
}

// unlist takes sessions that are gone out of the index of a principal, beside the
// request. What stays behind is cleaned when it is met.
func (m *Manager) unlist(principal string, keys ...string) {
	if principal == "" || len(keys) == 0 {
		return
	}
	m.cleanup(opList, func(ctx context.Context) error {
		_ = m.store.Unlist(ctx, principal, keys...)
		return nil
	})
}
