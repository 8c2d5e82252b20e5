package conformance_test

import (
	"context"
	"errors"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// access is how a request holds its session.
func (a *faulty) access(r *http.Request) session.Access {
	if a.app.Rule == nil || a.has(ignoresRule) {
		return a.app.Access[r.URL.Path]
	}
	if a.has(asksRuleTwice) {
		a.app.Rule(requestOf(r))
	}
	return a.app.Rule(requestOf(r))
}

// again is what the second middleware does.
func (a *faulty) again(r *http.Request, access session.Access) error {
	ctx := r.Context()
	ruled := a.app.Rule != nil && !a.has(ignoresInnerRule)
	if (a.app.Access != nil || ruled) && !a.has(ignoresInner) {
		if err := a.app.Manager.Adapter().ChangeAccess(ctx, access); err != nil {
			return err
		}
	}
	if a.has(letsInnerIn) {
		return nil
	}
	return a.admit(ctx, a.from(r))
}

// admit asks for the user.
func (a *faulty) admit(ctx context.Context, s *session.Session) error {
	if !a.app.NeedsUser || a.has(letsEverybodyIn) {
		return nil
	}
	if a.has(refusesEverybody) {
		return session.ErrNoPrincipal
	}
	if a.has(locksWhileRefusing) || a.has(dropsWhenRefusing) || a.has(looksForUser) {
		err := s.RequirePrincipal(a.app.Within)
		if err != nil && a.has(dropsWhenRefusing) {
			s.Rollback(ctx)
		}
		return err
	}
	within := a.app.Within
	if a.has(ignoresAge) {
		within = 0
	}
	err := a.app.Manager.Adapter().Admit(ctx, session.PrincipalWithin(within))
	failed := (*session.OpError)(nil)
	status, _ := session.HTTPStatus(err)
	switch {
	case a.has(outageIsNobody) && errors.As(err, &failed),
		a.has(rotatedIsNobody) && errors.Is(err, session.ErrEnded),
		a.has(noneIsNobody) && status == http.StatusInternalServerError:
		return session.ErrNoPrincipal
	case a.has(endedIsTriedAgain) && err != nil && s.Detached():
		return session.ErrEnded
	}
	return err
}

// refuse answers in place of the handler.
func (a *faulty) refuse(w http.ResponseWriter, err error) {
	if !a.has(cacheableRefusal) {
		a.app.Manager.Adapter().Refuse(w.Header())
	}
	a.answer(w, err)
}
