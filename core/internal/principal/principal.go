package principal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/companion"
	"github.com/berthgo/berth/core/internal/ends"
	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
	"github.com/berthgo/berth/core/internal/tasks"
)

// Principals are the indexes of one application. It is safe for concurrent use.
type Principals struct {
	Limit  int    // how many sessions a principal may have, 0 for any number
	Refuse bool   // no session is ended for a new one: the new one gets ErrFull
	Reason string // why a session ends that is over the limit

	// LockHold and LockTTL are for how long a request may hold a session, so that no other
	// request of it tells the index.
	LockHold, LockTTL time.Duration

	Store      *store.Store
	Process    *store.Process
	Tasks      *tasks.Tasks
	Caller     *retry.Caller
	Ends       *ends.Ends
	Companions *companion.Companions

	OnFailed func(err error) // work beside a request failed
}

// Look is what was found of the sessions in an index.
type Look struct {
	Live       []store.Inspected
	Gone       []store.Listing // those that have ended, or are another's by now
	Settled    []string        // handles of those among Gone that are not about to sign in
	Unreadable error           // about one of another version of berth; it stays in the index
}

// Sessions looks at all sessions of a principal, the oldest sign-in first, and takes those that
// are gone out of the index, beside the request.
func (p *Principals) Sessions(ctx context.Context, principal string, fields []string) (look Look, err error) {
	err = p.Caller.Call(ctx, nil, func(int) error {
		listed, err := p.Store.Listed(ctx, principal)
		if err == nil {
			look, err = p.Look(ctx, principal, listed, fields...)
		}
		return err
	})
	if err == nil {
		p.Unlist(principal, p.over(look))
	}
	return look, err
}

// over returns those sessions of an index that are gone. A session that may be about to sign in is not
// among them: it has a place in the index before it is saved.
func (p *Principals) over(look Look) []store.Listing {
	return slices.DeleteFunc(look.Gone, func(l store.Listing) bool {
		return p.Awaited(l) && !slices.Contains(look.Settled, l.Handle)
	})
}

// Awaited tells whether a session that is listed, and not the principal's, may be about to sign in.
func (p *Principals) Awaited(l store.Listing) bool {
	return p.Refuse && l.At().After(time.Now().Add(-reserved-p.Caller.Timeout))
}

// Listed returns what the index of a principal has, the oldest sign-in first.
func (p *Principals) Listed(ctx context.Context, principal string) (listed []store.Listing, err error) {
	err = p.Caller.Call(ctx, nil, func(int) (err error) {
		listed, err = p.Store.Listed(ctx, principal)
		return err
	})
	return listed, err
}

// Look looks at sessions that an index has, and loads some of their fields.
func (p *Principals) Look(ctx context.Context, principal string, listed []store.Listing, fields ...string) (Look, error) {
	var look Look
	handles := make([]string, len(listed))
	for i, one := range listed {
		handles[i] = one.Handle
	}
	found, err := p.Store.Inspect(ctx, handles, fields...)
	for _, one := range found {
		if one.Err != nil {
			look.Unreadable = fmt.Errorf("session %s: %w", one.Handle, one.Err)
			continue
		}
		if one.Status == store.Done && one.Meta.Principal == principal {
			look.Live = append(look.Live, one)
			continue
		}
		// Who signs a session in that exists holds it until then.
		if one.Status == store.Retired || one.Status == store.Done && one.Lease == "" && !one.Alone {
			look.Settled = append(look.Settled, one.Handle)
		}
		at := slices.IndexFunc(listed, func(l store.Listing) bool { return l.Handle == one.Handle })
		look.Gone = append(look.Gone, listed[at])
	}
	return look, err
}

// Notes hear of what a sign-in goes on without.
type Notes struct {
	Unreadable func(err error) // a session of the principal cannot be read
	Companion  func(err error) // the companion of a session that was ended is not deleted yet

	doubt func(handle string) // it is not known whether a session was ended
}

// ErrFull says that a principal has as many sessions as it may have.
var ErrFull = errors.New("the principal has as many sessions as it may have")

// reserved is for how long, beyond all tries of a commit, a place in the index is kept for a session that
// has not signed in yet.
const reserved = time.Minute

// Reserve takes a place in the index of a principal for a session that is about to sign in. If none
// is free, the error is [ErrFull]. [Principals.Free] gives the place back.
func (p *Principals) Reserve(ctx context.Context, handle string, m store.Meta) error {
	for {
		listed, err := p.Store.Reserve(ctx, handle, m.Principal, p.life(m.Timeout), p.Limit)
		if err != nil || len(listed) == 0 {
			return err
		}
		look, err := p.Look(ctx, m.Principal, listed)
		if err != nil {
			return err
		}
		gone := p.over(look)
		if len(gone) == 0 {
			return ErrFull
		}
		if err := p.Store.Unlist(ctx, m.Principal, gone...); err != nil {
			return err
		}
	}
}

// Free gives a place back, beside the request: its session did not sign in. If another request has signed
// the session in meanwhile, it keeps its place.
func (p *Principals) Free(principal, handle string) {
	place := []store.Listing{store.ListedAt(handle, time.Now().Add(time.Millisecond))}
	p.Tasks.Later(func(ctx context.Context) error {
		look, err := p.Look(ctx, principal, place)
		if err != nil || len(look.Gone) == 0 {
			return err
		}
		return p.Store.Unlist(ctx, principal, place...)
	})
}

// SignIn puts a session that has just signed in into the index of its principal, and ends the
// oldest over Limit.
func (p *Principals) SignIn(ctx context.Context, handle string, m store.Meta, note Notes) error {
	doubted := ""
	note.doubt = func(handle string) {
		if handle != doubted { // once for all tries
			doubted = handle
			p.Companions.Doubt(handle, false)
		}
	}
	return p.Caller.Call(ctx, nil, func(int) error {
		if err := p.enlist(ctx, handle, m, true); err != nil {
			return err
		}
		return p.makeRoom(ctx, m.Principal, note)
	})
}

// SignedOut takes a session out of the index of its principal, which signed in at that time. The
// principal may sign in again meanwhile: a later sign-in stays in the index.
func (p *Principals) SignedOut(ctx context.Context, principal, handle string, signedIn time.Time) error {
	until := time.Now().Add(-time.Millisecond)
	if signedIn.After(until) {
		until = signedIn
	}
	return p.Store.Remove(ctx, principal, handle, until)
}

// Relist prolongs the life of the index of a session's principal, beside the request, and puts the
// session into it again if it is missing.
func (p *Principals) Relist(handle string, m store.Meta) {
	p.Tasks.Go(func(ctx context.Context) error {
		if err := p.enlist(ctx, handle, m, false); err != nil {
			return err
		}
		_, err := p.Store.Mark(ctx, handle, store.Extras{Listed: time.Now()})
		return err // if the session has ended since, it stays in the index until somebody reads that
	}, p.OnFailed)
}

// Unlist takes sessions that are gone out of the index of a principal, beside the request. After
// an error, whoever looks next does it.
func (p *Principals) Unlist(principal string, gone []store.Listing) {
	if len(gone) > 0 {
		p.Tasks.Go(func(ctx context.Context) error { return p.Store.Unlist(ctx, principal, gone...) }, func(error) {})
	}
}

// enlist puts a session into the index of its principal. Of an index that has grown large it looks
// at some, and cleans it.
func (p *Principals) enlist(ctx context.Context, handle string, m store.Meta, signedIn bool) error {
	oldest, err := p.Store.Enlist(ctx, handle, m.Principal, p.life(m.Timeout), signedIn)
	if err != nil || len(oldest) == 0 {
		return err
	}
	if look, err := p.Look(ctx, m.Principal, oldest); err == nil {
		p.Unlist(m.Principal, p.over(look))
	}
	return nil
}

// life is how long the index of a principal lives after it was told of a session. It is told at
// the sign-in, and by the first request after each timeout; in between a request may hold the
// session.
func (p *Principals) life(timeout time.Duration) time.Duration {
	const forever = 1 << 60 // 36 years, longer than Redis keeps anything
	return 2*min(timeout, forever) + min(p.LockHold, forever) + min(p.LockTTL, forever) + time.Minute
}

// makeRoom ends the oldest sessions of a principal that has just signed in, over Limit. Sessions
// that cannot be read count, and stay.
func (p *Principals) makeRoom(ctx context.Context, principal string, note Notes) error {
	if p.Limit == 0 || p.Refuse {
		return nil
	}
	listed, err := p.Store.Listed(ctx, principal)
	if err != nil || len(listed) <= p.Limit {
		return err
	}
	look, err := p.Look(ctx, principal, listed)
	if err != nil {
		return err
	}
	note.Unreadable(look.Unreadable)
	if len(look.Gone) > 0 {
		if err := p.Store.Unlist(ctx, principal, look.Gone...); err != nil {
			return err
		}
	}
	listed = slices.DeleteFunc(listed, func(l store.Listing) bool { return slices.Contains(look.Gone, l) })
	for ; len(listed) > p.Limit; listed = listed[1:] {
		if err := p.replace(ctx, principal, listed[0], note); err != nil {
			return err
		}
	}
	return nil
}

// replace ends a session whose place a newer one takes. It stays in the index until it has ended,
// so that a second try finds it again.
func (p *Principals) replace(ctx context.Context, principal string, oldest store.Listing, note Notes) error {
	r := store.Retirement{Token: p.Process.Token(), Reason: p.Reason, Principal: &principal}
	_, companion, err := p.Ends.RetireOnce(ctx, oldest.Handle, r)
	switch {
	case errors.Is(err, store.ErrFormat):
		note.Unreadable(err)
		return nil
	case err != nil:
		if retry.InDoubt(err) {
			note.doubt(oldest.Handle)
		}
		return err
	}
	note.Companion(companion)
	return p.Store.Unlist(ctx, principal, oldest)
}
