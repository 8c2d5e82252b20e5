// Package gincontribstore is a Store of gin-contrib/sessions that keeps the sessions in Redis by berth. Code
// that is written for gin-contrib/sessions works with one changed line:
//
//	store, err := gincontribstore.New(m) // before: redis.NewStore(…)
//	r.Use(sessions.Sessions("shop-session", store))
//
// It does what package gorillastore does: read there what you get. Requests of one session take turns if
// berth's own middleware is around that of gin-contrib, and the name is that of the Manager's cookie:
//
//	m, err := session.New(client, session.Options{App: "shop", Cookie: session.Cookie{Name: "shop-session"}})
//	store, err := gincontribstore.New(m)
//	r.Use(ginsession.Middleware(m), sessions.Sessions("shop-session", store))
//
// gin-contrib logs the error of a session that cannot be loaded, and goes on with an empty one. Its Save
// returns the error, and saves nothing: check it. Behind berth's middleware the handler is not called.
package gincontribstore

import (
	"github.com/gin-contrib/sessions"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/session"
)

// Store is a [sessions.Store] of gin-contrib. It is safe for concurrent use.
type Store struct{ *gorillastore.Store }

var _ sessions.Store = (*Store)(nil)

// New returns a store on a Manager, which stays the caller's. It is an error if the Manager takes the
// session ID from Options.Header.
func New(m *session.Manager) (*Store, error) {
	store, err := gorillastore.New(m)
	if err != nil {
		return nil, err
	}
	return &Store{store}, nil
}

// Options sets the options of new sessions, see [gorillastore.Store]. Call it before the first request.
func (s *Store) Options(o sessions.Options) { s.Store.Options = o.ToGorillaOptions() }
