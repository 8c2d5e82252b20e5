package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
)

// Reason is why a session ended, or why a watch of it did.
type Reason string

// Why a session ended, or a watch.
const (
	Expired   Reason = "expired"   // there was no request for its timeout
	Outlived  Reason = "lifetime"  // it reached Options.MaxLifetime
	Abandoned Reason = "abandoned" // by [Session.Abandon]
	Operator  Reason = "operator"  // from elsewhere, be it by the user: by [Manager.End], [Manager.EndHandle], [Manager.EndAll], [Session.EndOthers] or [Info.End]
	Replaced  Reason = "replaced"  // by a newer one, over Options.MaxPerPrincipal
	Unknown   Reason = "unknown"   // its data were gone before its end was handled

	// These two end a watch, and not the session.
	Rotated     Reason = "rotated" // its client has another ID, by [Session.Rotate] or [Session.Reauthenticated]
	UserChanged Reason = "user"    // a user has signed in or out, or another one has
)

// End ends the session of an ID at once, whoever holds it. A request that holds it gets
// [ErrEnded] when it commits changes. If ctx is of a request that has this very session, the
// session ends with the commit of that request, as by [Session.Abandon].
//
// The error is [ErrUnknown] if there is no such session, or if its ID was rotated since, and an
// [*OpError] if Redis failed.
func (m *Manager) End(ctx context.Context, id string) error {
	if !credential.Valid(id) {
		return ErrUnknown
	}
	return m.end(ctx, credential.Handle(id), store.Retirement{Reason: string(Operator), Proof: credential.Proof(id)})
}

// EndHandle is [Manager.End] for an operator or a job that knows only the session's handle. Do not
// take the handle from a client, unless you compare it with those of the client's own sessions. A
// session that another version of berth has saved is deleted, and its end is handled without data.
func (m *Manager) EndHandle(ctx context.Context, handle string) error {
	if !credential.ValidHandle(handle) {
		return ErrUnknown
	}
	return m.end(ctx, handle, store.Retirement{Reason: string(Operator), Any: true})
}

// end ends a session for somebody who is not its request.
func (m *Manager) end(ctx context.Context, handle string, r store.Retirement) error {
	if m.tasks.Closed() {
		return ErrClosed
	}
	if s := m.Adapter().SessionOf(ctx); s != nil && s.endsIn(handle, r) {
		return nil
	}
	r.Token = m.process.Token()
	status, companion, err := m.ends.Retire(ctx, handle, r)
	m.report(ctx, opCompanion, companion)
	switch {
	case err != nil:
		return m.failed(ctx, opEnd, err)
	case status != store.Done:
		return ErrUnknown
	}
	return nil
}
