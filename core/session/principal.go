package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
)

// errNobody is about the sessions of a principal that is none.
var errNobody = fmt.Errorf(`%w; the principal is "": sessions without one are in no index, see Manager.Sessions`, ErrNoPrincipal)

// SessionsOf returns the live sessions of a principal, oldest sign-in first, as for a page of a user's
// devices. [Info.Session] has the values under the given keys, such as "browser", of each. SessionsOf
// does not start any idle time anew. It takes two round trips. A session that cannot be read, or is
// [ErrForged], is left out and reported to Hooks.OnError. The principal "" is an error: see
// [Manager.Sessions] for sessions without one.
func (m *Manager) SessionsOf(ctx context.Context, principal string, keys ...string) ([]Info, error) {
	if err := mayLoad(keys); err != nil {
		return nil, err
	}
	switch {
	case principal == "":
		return nil, errNobody
	case m.tasks.Closed():
		return nil, ErrClosed
	}
	look, err := m.principals.Sessions(ctx, principal, keys)
	if err != nil {
		return nil, m.failed(ctx, opList, err)
	}
	m.report(ctx, opList, look.Unreadable)
	infos := make([]Info, 0, len(look.Live))
	for _, one := range look.Live {
		info, err := m.info(one)
		if err != nil {
			m.fail(ctx, err)
			continue
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// EndAll ends all sessions of a principal that have signed in by now, except those with the given
// handles. It returns how many it ended. After an error some may be left. The session of the
// request of ctx ends with the commit of that request, as by [Session.Abandon]. For "log me out
// everywhere else" there is [Session.EndOthers].
func (m *Manager) EndAll(ctx context.Context, principal string, except ...string) (int, error) {
	switch {
	case principal == "":
		return 0, errNobody
	case m.tasks.Closed():
		return 0, ErrClosed
	}
	for i, handle := range except {
		if !credential.ValidHandle(handle) {
			return 0, fmt.Errorf("session: EndAll except number %d, which is no handle: nothing was ended; it takes what Session.Handle returns", i+1)
		}
	}
	listed, err := m.principals.Listed(ctx, principal)
	if err != nil {
		return 0, m.failed(ctx, opList, err)
	}
	own := m.Adapter().SessionOf(ctx)
	var errs []error
	var gone []store.Listing
	count := 0
	for _, l := range listed {
		if slices.Contains(except, l.Handle) || own != nil && own.signsOut(l.Handle, principal) {
			continue
		}
		r := store.Retirement{Reason: string(Operator), Principal: &principal}
		if own != nil && own.endsIn(l.Handle, r) {
			count++ // it leaves the index when it ends
			continue
		}
		// A session that has another principal by now is not ended: ErrUnknown.
		switch err := m.end(ctx, l.Handle, r); {
		case err == nil:
			count++
			gone = append(gone, l)
		case errors.Is(err, ErrUnknown):
			if !m.principals.Awaited(l) {
				gone = append(gone, l)
			}
		default:
			errs = append(errs, err)
		}
	}
	m.principals.Unlist(principal, gone)
	return count, errors.Join(errs...)
}

// signsOut tells whether this is the session with that handle, and whether its commit signs that
// principal out.
func (s *Session) signsOut(handle, principal string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle == handle && s.draft.Saved.Principal == principal && s.draft.Principal != principal && s.state == open
}

// EndOthers ends all other sessions of the session's principal at once, as for "log me out
// everywhere else". It returns how many it ended. After an error some may be left.
//
// It is [ErrNoPrincipal] if the session has no principal. It is an error before the commit that signs
// in, and after [Session.SetPrincipal] of another principal. It is [ErrEnded], and ends nothing, if this session was ended or rotated meanwhile.
func (s *Session) EndOthers(ctx context.Context) (int, error) {
	s.look()
	handle, proof, principal, pending := s.handle, s.proof, s.draft.Saved.Principal, s.draft.Principal != s.draft.Saved.Principal
	s.mu.Unlock()
	switch {
	case pending:
		return 0, errors.New("session: EndOthers while SetPrincipal is not committed: call it in the next request")
	case principal == "":
		return 0, ErrNoPrincipal
	}
	var found []store.Inspected
	err := s.m.call(ctx, opEnd, func(int) (err error) {
		found, err = s.m.store.Inspect(ctx, []string{handle})
		return err
	})
	if err != nil {
		s.fail(ctx, err)
		return 0, err
	}
	if now := found[0]; now.Status != store.Done || now.Proof != proof || now.Meta.Principal != principal {
		return 0, fmt.Errorf("session: EndOthers: %w", ErrEnded)
	}
	return s.m.EndAll(ctx, principal, handle)
}
