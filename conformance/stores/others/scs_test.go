package others

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
)

func startSCS(s *site) {
	m := scs.New()
	m.Store = goredisstore.New(s.client())
	m.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, _ error) { // as the default, which also logs
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
	switch s.aid {
	case withHashes:
		m.HashTokenInStore = true
	case withIdleTimeout:
		m.IdleTimeout = 20 * time.Minute
	case byIterate: // which does not find sessions with HashTokenInStore
		s.endAll = func(user string) error { return scsEndAll(s.ctx, m, user) }
	}
	s.serve(m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := scsExchange{response{w, r}, m, r.Context(), s.aid}
		x.answer(s.page(x, r.URL.Path, r.FormValue))
	})))
}

// The options and calls of scs that the table names.
const (
	withHashes       = "with `HashTokenInStore`"
	withIdleTimeout  = "with `IdleTimeout`"
	byRenewToken     = "by `RenewToken`"
	byIterate        = "by `Iterate` over all sessions"
	byCommit         = "by `Commit` first"
	byCommitDetached = "by `Commit` with `context.WithoutCancel`"
)

func scsEndAll(ctx context.Context, m *scs.SessionManager, user string) error {
	return m.Iterate(ctx, func(ctx context.Context) error {
		if m.GetString(ctx, "user") != user {
			return nil
		}
		return m.Destroy(ctx)
	})
}

type scsExchange struct {
	response
	m   *scs.SessionManager
	ctx context.Context //nolint:containedctx // scs has the session there
	aid string
}

func (x scsExchange) get(name string) string { return x.m.GetString(x.ctx, name) }
func (x scsExchange) set(name, value string) { x.m.Put(x.ctx, name, value) }
func (x scsExchange) putCart(c *cart)        { x.m.Put(x.ctx, "cart", c) }

func (x scsExchange) cart() *cart {
	c, _ := x.m.Get(x.ctx, "cart").(*cart)
	return c
}

// save needs no call, as LoadAndSave saves. Commit does so before that, and returns the error.
func (x scsExchange) save() error {
	ctx := x.ctx
	switch x.aid {
	case byCommit:
	case byCommitDetached:
		ctx = context.WithoutCancel(ctx)
	default:
		return nil
	}
	token, expiry, err := x.m.Commit(ctx)
	if err != nil {
		return err
	}
	x.m.WriteSessionCookie(x.ctx, x.ResponseWriter, token, expiry)
	return nil
}

func (x scsExchange) saveInPlace() error {
	if x.aid != withIdleTimeout { // which has every request saved
		x.putCart(x.cart())
	}
	return nil
}

func (x scsExchange) signIn(user string) error {
	if x.aid == byRenewToken {
		if err := x.m.RenewToken(x.ctx); err != nil {
			return err
		}
	}
	x.m.Put(x.ctx, "user", user)
	return nil
}

func (x scsExchange) signOut() error { return x.m.Destroy(x.ctx) }
