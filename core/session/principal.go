package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/store"
)

// indexLife is how long the index of a principal lives after it was told of a session: when
// that signs in, and by the first request after each of its timeouts. A request may
// hold the session for long in between.
func (m *Manager) indexLife(timeout time.Duration) time.Duration {
	const forever = math.MaxInt64 / 8 // longer than Redis keeps anything
	return 2*min(timeout, forever) + min(m.options.LockHold, forever) + min(m.options.LockTTL, forever) + time.Minute
}

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
	var look look
	err := m.call(ctx, opList, func(int) error {
		listed, err := m.store.Listed(ctx, principal)
		if err == nil {
			look, err = m.look(ctx, principal, listed)
		}
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return nil, err
	}
	m.report(ctx, opList, look.unreadable)
	m.unlist(principal, look.gone)
	infos := make([]Info, len(look.live))
	for i, one := range look.live {
		infos[i] = m.info(one)
	}
	return infos, nil
}

// look is what was found of the sessions in an index.
type look struct {
	live       []store.Inspected
	gone       []store.Listing // ended, or another's by now
	unreadable error           // written by a newer version of berth, say: they stay in the index
}

func (m *Manager) look(ctx context.Context, principal string, listed []store.Listing) (look, error) {
	var l look
	handles := make([]string, len(listed))
	for i, one := range listed {
		handles[i] = one.Handle
	}
	found, err := m.store.Inspect(ctx, handles)
	for _, one := range found {
		if one.Err != nil {
			l.unreadable = fmt.Errorf("session %s: %w", one.Handle, one.Err)
			continue
		}
		if one.Status == store.Done && one.Meta.Principal == principal {
			l.live = append(l.live, one)
			continue
		}
		at := slices.IndexFunc(listed, func(l store.Listing) bool { return l.Handle == one.Handle })
		l.gone = append(l.gone, listed[at])
	}
	return l, err
}

// EndAll ends all sessions of a principal that have signed in by now, except those with the
// handles given. It returns how many it ended; after an error some may be left. One that is
// held by the request of ctx ends with its commit, as by [Session.Abandon]; for "log me out
// everywhere else" there is [Session.EndOthers].
func (m *Manager) EndAll(ctx context.Context, principal string, except ...string) (int, error) {
	switch {
	case principal == "":
		return 0, errNoPrincipal
	case m.ctx.Err() != nil:
		return 0, ErrClosed
	}
	for i, handle := range except {
		if !validHandle(handle) {
			return 0, fmt.Errorf("session: EndAll except number %d, which is no handle: nothing was ended; it takes what Session.Handle returns", i+1)
		}
	}
	var listed []store.Listing
	err := m.call(ctx, opList, func(int) (err error) {
		listed, err = m.store.Listed(ctx, principal)
		return err
	})
	if err != nil {
		m.fail(ctx, err)
		return 0, err
	}
	own := m.serving(ctx)
	var errs []error
	var gone []store.Listing
	count := 0
	for _, l := range listed {
		if slices.Contains(except, l.Handle) || own != nil && own.leaves(l.Handle, principal) {
			continue
		}
		r := store.Retirement{Reason: string(Operator), Principal: &principal}
		if own != nil && own.endsIn(l.Handle, r) {
			count++ // it leaves the index when it ends
			continue
		}
		// One that belongs to another by now is not ended, and not his.
		switch err := m.end(ctx, l.Handle, r); {
		case err == nil:
			count++
			gone = append(gone, l)
		case errors.Is(err, ErrUnknown):
			gone = append(gone, l)
		default:
			errs = append(errs, err)
		}
	}
	m.unlist(principal, gone)
	return count, errors.Join(errs...)
}

// leaves tells whether this is the session with that handle, and its commit takes it from the
// principal.
func (s *Session) leaves(handle, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle == handle && s.meta.Principal == principal && s.principal != principal && s.state == open
}

// EndOthers ends all other sessions of the session's principal, at once, as for "log me out
// everywhere else". It returns how many it ended; after an error some may be left. It is an
// error while the session has no principal in Redis: before the commit that signs in, or
// after [Session.SetPrincipal] of another one. It is [ErrEnded], and ends nothing, if the session was ended or
// rotated meanwhile.
func (s *Session) EndOthers(ctx context.Context) (int, error) {
	s.mu.Lock()
	handle, proof, principal, pending := s.handle, s.proof, s.meta.Principal, s.principal != s.meta.Principal
	s.mu.Unlock()
	switch {
	case pending:
		return 0, errors.New("session: EndOthers while SetPrincipal is not committed: call it in the next request")
	case principal == "":
		return 0, errNoPrincipal
	}
	var found []store.Inspected
	err := s.m.call(ctx, opEnd, func(int) (err error) {
		found, err = s.m.store.Inspect(ctx, []string{handle})
		return err
	})
	if err != nil {
		s.m.fail(ctx, err)
		return 0, err
	}
	if now := found[0]; now.Status != store.Done || now.Proof != proof || now.Meta.Principal != principal {
		return 0, fmt.Errorf("session: EndOthers: %w", ErrEnded)
	}
	return s.m.EndAll(ctx, principal, handle)
}

// signIn puts a session that has just signed in into the index of its principal, and ends the
// oldest over MaxPerPrincipal.
func (s *Session) signIn(ctx context.Context, facts store.Meta) error {
	return s.m.call(ctx, opCommit, func(int) error {
		if err := s.m.enlist(ctx, s.handle, facts, true); err != nil {
			return err
		}
		return s.m.makeRoom(ctx, facts.Principal, s.note)
	})
}

// enlist puts a session into the index of its principal. Of an index that has grown large it
// looks at some, and cleans it.
func (m *Manager) enlist(ctx context.Context, handle string, facts store.Meta, signedIn bool) error {
	oldest, err := m.store.Enlist(ctx, handle, facts.Principal, m.indexLife(facts.Timeout), signedIn)
	if err != nil || len(oldest) == 0 {
		return err
	}
	if look, err := m.look(ctx, facts.Principal, oldest); err == nil {
		m.unlist(facts.Principal, look.gone)
	}
	return nil
}

// makeRoom ends the oldest sessions of a principal that has just signed in, over
// MaxPerPrincipal, and tells note of what it goes on without. Sessions that cannot be read
// count, and stay.
func (m *Manager) makeRoom(ctx context.Context, principal string, note func(error)) error {
	limit := m.options.MaxPerPrincipal
	if limit == 0 {
		return nil
	}
	listed, err := m.store.Listed(ctx, principal)
	if err != nil || len(listed) <= limit {
		return err
	}
	look, err := m.look(ctx, principal, listed)
	if err != nil {
		return err
	}
	note(opError(opList, look.unreadable))
	if len(look.gone) > 0 {
		if err := m.store.Unlist(ctx, principal, look.gone...); err != nil {
			return err
		}
	}
	listed = slices.DeleteFunc(listed, func(l store.Listing) bool { return slices.Contains(look.gone, l) })
	for ; len(listed) > limit; listed = listed[1:] {
		if err := m.replace(ctx, principal, listed[0], note); err != nil {
			return err
		}
	}
	return nil
}

// replace ends a session that a newer one has taken the place of. Until that is done
// it stays in the index, so that a second try finds it again.
func (m *Manager) replace(ctx context.Context, principal string, oldest store.Listing, note func(error)) error {
	r := store.Retirement{Token: m.process.Token(), Reason: string(Replaced), Principal: &principal}
	status, had, err := m.retire(ctx, oldest.Handle, r)
	switch {
	case errors.Is(err, store.ErrFormat):
		note(opError(opCommit, err))
		return nil
	case err != nil:
		m.mendLater(oldest.Handle, "")
		return err
	case status == store.Done:
		m.stats.ended.Add(1)
	}
	if had.Companion {
		note(m.deleteCompanion(ctx, oldest.Handle, store.NoProof))
	}
	return m.store.Unlist(ctx, principal, oldest)
}

// relist tells the index of its principal of a session once more, beside the request.
func (m *Manager) relist(handle string, facts store.Meta) {
	m.cleanup(opList, func(ctx context.Context) error {
		if err := m.enlist(ctx, handle, facts, false); err != nil {
			return err
		}
		_, err := m.store.Mark(ctx, handle, store.Extras{Listed: time.Now()})
		return err // of one that has ended since, a place stays until somebody looks
	})
}

// unlist takes sessions that are gone out of the index of a principal, beside the
// request. What stays behind is cleaned when it is met.
func (m *Manager) unlist(principal string, gone []store.Listing) {
	if len(gone) == 0 {
		return
	}
	m.cleanup(opList, func(ctx context.Context) error {
		_ = m.store.Unlist(ctx, principal, gone...)
		return nil
	})
}
