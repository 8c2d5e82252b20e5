package gorillastore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// Old is another store of gorilla/sessions, such as redistore, for [moving.Middleware]. It moves the sessions
// of a name to those of the Manager's own cookie, which may have the same name: get them from [Store] under that
// name.
//
//	move, err := moving.Middleware(m, gorillastore.Old(redistore, "shop-session"))
//
// A session with a MaxAge keeps it. A store that keeps sessions in cookies alone cannot let a session go: its
// cookie could be sent once more, even after a logout. Do not move such sessions.
func Old(store sessions.Store, name string) moving.Old { return old{store, name} }

type old struct {
	store sessions.Store
	name  string
}

// Cookie is the cookie as the store sets it.
func (o old) Cookie() http.Cookie {
	c := http.Cookie{Name: o.name, Path: "/"}
	none, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		return c
	}
	if is, err := o.store.New(none, o.name); err == nil && is.Options != nil {
		c.Path, c.Domain = is.Options.Path, is.Options.Domain
	}
	return c
}

// Load puts the values of the old session into a session of berth.
func (o old) Load(r *http.Request, into *session.Session) (found bool, err error) {
	is, err := o.store.New(r, o.name)
	if errors.Is(err, io.ErrUnexpectedEOF) { // of a gob, or of a connection that broke: that is another one now
		is, err = o.store.New(r, o.name)
	}
	switch wrong := securecookie.Error(nil); {
	case errors.As(err, &wrong) && wrong.IsDecode():
		return false, nil // no key has signed it, or it is too old
	case isUndecodable(err):
		return false, fmt.Errorf("%w: %w", moving.ErrUnreadable, err)
	case err != nil:
		return false, err
	case is.IsNew:
		return false, nil
	}
	c, err := fields(nil).since("", is.Values)
	if err != nil {
		return false, fmt.Errorf("%w: %w", moving.ErrUnreadable, err)
	}
	c.apply(into)
	if is.Options != nil && is.Options.MaxAge > 0 {
		into.Remember(time.Duration(min(is.Options.MaxAge, maxAge)) * time.Second)
	}
	return true, nil
}

// isUndecodable tells whether an error is about what the old store has, and not about reaching it.
func isUndecodable(err error) bool {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	return err != nil && (strings.HasPrefix(err.Error(), "gob: ") || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) || errors.As(err, &mismatch))
}

// End deletes the old session.
func (o old) End(r *http.Request) error {
	is, err := o.store.New(r, o.name)
	if err != nil {
		return err
	}
	if is.Options == nil {
		is.Options = new(sessions.Options)
	}
	is.Options.MaxAge = -1
	return is.Save(r, nowhere{})
}

// nowhere takes the cookie that the old store would set.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
