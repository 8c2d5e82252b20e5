package gorillastore

import (
	"runtime"
	"sync"
	"weak"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// state is what the store knows of a session that it has given out.
type state struct {
	session *session.Session // begun without a lease, and not yet saved; nil if there is none
	failed  error            // why it could not be loaded
	id      string           // what the client holds, "" if it has none
	handle  string           // names the session in Redis, "" if it is not there
	read    fields           // what Redis has, as far as the handler knows
}

// states has the state of each session for as long as somebody holds the session. A
// [sessions.Session] has no room for it: handlers replace its Values and its Options, and the request that
// Save gets may be another copy than that of New.
type states struct {
	all sync.Map // weak.Pointer[sessions.Session] → *state
}

// put keeps the state of a session. The state must not point to the session.
func (s *states) put(of *sessions.Session, st *state) {
	key := weak.Make(of)
	s.all.Store(key, st)
	runtime.AddCleanup(of, func(key weak.Pointer[sessions.Session]) { s.all.Delete(key) }, key)
}

// of returns the state of a session, nil if the store has not made it.
func (s *states) of(of *sessions.Session) *state {
	st, _ := s.all.Load(weak.Make(of))
	known, _ := st.(*state)
	return known
}
