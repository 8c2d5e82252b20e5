package gorillastore

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// Store is a [sessions.Store] that keeps sessions in Redis by a [session.Manager]. It is safe for
// concurrent use. As with other stores, one [sessions.Session] is for the goroutine of its request.
type Store struct {
	// Options are those of new sessions, to be set before the first request. What they leave at zero is
	// as in the Cookie of [session.Options]. MaxAge is in seconds: if it is more than 0, the session
	// and its cookie live for that long without a request, as by [session.Session.Remember]. The cookie
	// is always HttpOnly. Defaults to the Path / and MaxAge 0.
	Options *sessions.Options

	manager *session.Manager
	states  states
}

var _ sessions.Store = (*Store)(nil)

// New returns a store on a Manager, which stays the caller's. It is an error if the Manager takes the
// session ID from Options.Header: sessions of gorilla/sessions are cookies.
func New(m *session.Manager) (*Store, error) {
	switch {
	case m == nil:
		return nil, errors.New("gorillastore: New needs a Manager, and got nil")
	case m.Adapter().CookieName() == "":
		return nil, errors.New("gorillastore: the Manager takes session IDs from Options.Header, and gorilla/sessions has cookies alone: give the store a Manager without Header")
	}
	return &Store{Options: &sessions.Options{Path: "/", HttpOnly: true}, manager: m}, nil
}

// MaxAge sets MaxAge of Options, in seconds, before the first request.
func (s *Store) MaxAge(seconds int) { s.Options.MaxAge = seconds }

// Get returns the session of a name: the same one for the whole request.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session of a name, and never returns nil. IsNew says whether there was none. ID is the
// handle of the session, which opens nothing and may be logged, and "" for a new one. MaxAge of Options is
// what the session was saved with, and for a new one that of the store.
//
// The error is that of [session.Manager.Begin] if the session cannot be loaded; Save then returns it,
// too, and saves nothing. If it is that values cannot be decoded, the others are there, and Save leaves
// those alone that were not set anew.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	made := sessions.NewSession(s, name)
	if s.Options != nil {
		*made.Options = *s.Options
	}
	made.IsNew = true
	st := new(state)
	s.states.put(made, st)
	under := s.under(r, name)
	begun, err := under, error(nil)
	if begun == nil {
		begun, err = s.begin(r, session.Shared, cookies(r, name)...)
	}
	if err != nil {
		st.failed = err
		return made, err
	}
	if under == nil {
		st.session = begun
	}
	if isLive(begun) {
		made.IsNew = false
		st.id, st.handle = begun.ID(), begun.Handle()
		made.ID = st.handle
		made.Options.MaxAge = int(begun.Remembered() / time.Second)
	}
	st.read, err = load(begun, s.space(name), made.Values)
	return made, err
}

// Save writes the values that have changed since the session was loaded or last saved, and deletes those
// that are gone. Call it before the first byte of the response. It may be called again.
//
//   - MaxAge of Options less than 0 ends the session, and deletes the cookie.
//   - MaxAge is kept with the session, and with 0 the session lives as [session.Options] say.
//   - If the handler has set ID to "", the client gets a new ID. That waits for a request that holds the
//     session exclusively, for LockWait at most.
//   - A new session without values is not saved, and sets no cookie.
//
// The response gets the cookie if the session is new, has a new ID or another MaxAge, or if a tenth of
// MaxAge has passed. So a response that comes late does not put back the cookie of an ID that was replaced.
//
// The errors are those of [session.Session.Commit]. After one, Save may be called again. It is [session.ErrEnded]
// if there is a change, and the session has ended or the request came with a cookie of before a logout or a new ID.
//
// Under berth's middleware, the session whose name is that of the Manager's cookie is the request's own.
// Save then only changes it, and the middleware saves it before the first byte of the response.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, saved *sessions.Session) error {
	name := saved.Name()
	if err := (&http.Cookie{Name: name}).Valid(); err != nil {
		return fmt.Errorf("gorillastore: the session name %q cannot be that of a cookie: use letters, digits and signs such as - and _", name)
	}
	st := s.states.of(saved)
	if st == nil {
		st = new(state) // somebody has made it by hand
		s.states.put(saved, st)
	}
	options := sessions.Options{}
	if saved.Options != nil {
		options = *saved.Options
	}
	if under := s.under(r, name); under != nil {
		return s.change(under, st, saved, options)
	}
	to := response{Header: w.Header(), name: name, options: options}
	if options.MaxAge < 0 {
		return s.end(r, to, st, saved)
	}
	return s.write(r, to, st, saved)
}

// space stands before the fields of a name, so that no session can be used under another name. The name of
// the Manager's own cookie has none: its values are those of berth's middleware.
func (s *Store) space(name string) string {
	if name == s.manager.Adapter().CookieName() {
		return ""
	}
	return name + ":" // not in the name of a cookie
}

// under returns the session of a request under berth's middleware, if the name means that one.
func (s *Store) under(r *http.Request, name string) *session.Session {
	if name != s.manager.Adapter().CookieName() {
		return nil
	}
	return s.manager.Adapter().SessionOf(r.Context())
}

// begin begins the first live session of several IDs.
func (s *Store) begin(r *http.Request, access session.Access, ids ...string) (*session.Session, error) {
	return s.manager.Adapter().Begin(r.Context(), s.requestOf(r, ids...), access)
}

// isLive tells whether a session is in Redis.
func isLive(s *session.Session) bool { return !s.IsNew() && !s.Detached() }

// isOver tells whether another request has ended a session or rotated its ID, so that no change is saved.
func isOver(s *session.Session) bool {
	return s.Detached() && s.Err() == nil && s.Access() != session.None
}
