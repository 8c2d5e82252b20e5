package principal

import (
	"context"
	"slices"
	"time"

	"github.com/berthgo/berth/core/internal/retry"
	"github.com/berthgo/berth/core/internal/store"
)

// Departure is a session that its own request ends.
type Departure struct {
	store.Retirement
	Handle    string
	Principal string      // it leaves the index of this one
	Others    []Departure // the sessions of the request's other cookies, which end too

	ended bool // by this request or another
}

// Left tells whether [Principals.Leave] has nothing left to do.
func (d *Departure) Left() bool {
	return d.ended && !slices.ContainsFunc(d.Others, func(other Departure) bool { return !other.ended })
}

// Leave ends a session, takes it out of the index of its principal, and ends those of the request's other
// cookies. The second result has errors about companions, which berth goes on without.
//
// If the status is [store.Rotated], the session goes on and nothing was done. With any other but Done, somebody
// else has ended it.
func (p *Principals) Leave(ctx context.Context, d *Departure) (status store.Status, companions []error, err error) {
	status, companion, err := p.Ends.Retire(ctx, d.Handle, d.Retirement)
	if err != nil || status == store.Rotated {
		return status, nil, err
	}
	d.ended = true
	if status == store.Done {
		p.unlistEnded(d.Principal, d.Handle)
		companions = append(companions, companion)
	}
	others, err := p.leaveOthers(ctx, d)
	return status, append(companions, others...), err
}

// LeaveLater is [Principals.Leave] beside the request, as soon as Redis can be reached.
func (p *Principals) LeaveLater(d *Departure) {
	if d.ended {
		p.leaveOthersLater(d)
		return
	}
	doubted := false
	p.Tasks.Insist(func(ctx context.Context) error {
		status, _, err := p.Ends.RetireOnce(ctx, d.Handle, d.Retirement)
		switch {
		case err != nil:
			if retry.InDoubt(err) && !doubted {
				doubted = true
				p.Companions.Doubt(d.Handle, d.Known)
			}
			return err
		case status == store.Rotated:
			return nil
		}
		p.unlistEnded(d.Principal, d.Handle)
		p.leaveOthersLater(d)
		return nil
	})
}

func (p *Principals) leaveOthersLater(d *Departure) {
	for i := range d.Others {
		p.LeaveLater(&d.Others[i])
	}
}

// leaveOthers ends the sessions of the request's other cookies, those that are live.
func (p *Principals) leaveOthers(ctx context.Context, d *Departure) (companions []error, err error) {
	for i := range d.Others {
		other := &d.Others[i]
		_, companion, err := p.Ends.Retire(ctx, other.Handle, other.Retirement)
		if err != nil {
			return companions, err
		}
		other.ended = true
		companions = append(companions, companion)
	}
	return companions, nil
}

// unlistEnded takes a session that has ended out of the index of its principal, beside the request, and tries
// for longer than [Principals.Unlist]: nobody else looks for it.
func (p *Principals) unlistEnded(principal, handle string) {
	if principal != "" {
		never := time.Now().AddDate(100, 0, 0) // it does not sign in again
		p.Tasks.Later(func(ctx context.Context) error { return p.Store.Remove(ctx, principal, handle, never) })
	}
}
