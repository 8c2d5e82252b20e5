package gorillastore

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/session"
)

// write saves a session that no middleware saves.
func (s *Store) write(r *http.Request, to response, st *state, saved *sessions.Session) error {
	if st.failed != nil {
		return fmt.Errorf("gorillastore: nothing was saved, since the session could not be loaded: %w", st.failed)
	}
	c, err := st.read.since(s.space(to.name), saved.Values)
	if err != nil {
		return err
	}
	rotate := saved.ID == "" && st.handle != ""
	begun, err := s.take(r, st, rotate)
	if err != nil {
		return err
	}
	defer begun.Rollback(r.Context()) // if it is not saved
	if isOver(begun) || st.id != "" && begun.IsNew() && begun.Err() == nil {
		if c.empty() && !rotate {
			return nil
		}
		return session.ErrEnded
	}
	c.apply(begun)
	remember(begun, to.options)
	if rotate {
		begun.Rotate()
	}
	if err := begun.Finish(r.Context()); err != nil {
		return err
	}
	begun.SetHeaders(r.Header, to, r.TLS != nil)
	st.read = st.read.with(c)
	st.id = begun.ID()
	if st.handle = ""; st.id != "" {
		st.handle = begun.Handle()
	}
	saved.ID = st.handle
	return nil
}

// take returns the session that was begun to be loaded, or begins it again: for a second Save, or with its
// lease for a new ID. Whoever takes it saves it or gives it up before Save returns.
func (s *Store) take(r *http.Request, st *state, rotate bool) (*session.Session, error) {
	begun := st.session
	st.session = nil
	access := session.Shared
	if rotate {
		access = session.Exclusive
		if begun != nil {
			begun.Rollback(r.Context())
			begun = nil
		}
	}
	switch {
	case begun != nil:
		return begun, nil
	case st.id == "":
		return s.begin(r, access)
	}
	return s.begin(r, access, st.id)
}

// end ends a session that no middleware saves, and forgets it.
func (s *Store) end(r *http.Request, to response, st *state, saved *sessions.Session) error {
	if st.session == nil { // it was saved, or could not be loaded: the other cookies of the name count, too
		begun, err := s.begin(r, session.Shared, append([]string{st.id}, cookies(r, to.name)...)...)
		if err != nil {
			return err
		}
		st.session = begun
	}
	begun, err := s.take(r, st, false)
	if err != nil {
		return err
	}
	defer begun.Rollback(r.Context()) // if it is not ended
	begun.Abandon()
	if err := begun.Finish(r.Context()); err != nil {
		return err
	}
	begun.SetHeaders(r.Header, to, r.TLS != nil)
	*st, saved.ID = state{}, ""
	return nil
}

// change changes the request's own session, which its middleware saves.
func (s *Store) change(under *session.Session, st *state, saved *sessions.Session, options sessions.Options) error {
	if options.MaxAge < 0 {
		under.Abandon()
		*st, saved.ID = state{}, ""
		return changeErr(under)
	}
	c, err := st.read.since("", saved.Values)
	if err != nil {
		return err
	}
	if isOver(under) && !c.empty() {
		return session.ErrEnded
	}
	c.apply(under)
	remember(under, options)
	if saved.ID == "" && st.handle != "" {
		under.Rotate()
	}
	if err := changeErr(under); err != nil {
		return err
	}
	st.read = st.read.with(c)
	st.handle = under.Handle()
	saved.ID = st.handle
	return nil
}

// changeErr returns why a session will not be saved. A detached one is not meant to be.
func changeErr(s *session.Session) error {
	if s.Detached() {
		return nil
	}
	return s.Err()
}

// maxAge is the longest MaxAge, in seconds: a hundred years. Browsers keep cookies for less.
const maxAge = 100 * 365 * 24 * 60 * 60

// remember keeps MaxAge with a session.
func remember(s *session.Session, o sessions.Options) {
	if age := time.Duration(min(o.MaxAge, maxAge)) * time.Second; age != s.Remembered() {
		s.Remember(age)
	}
}
