package scs

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// old reads and ends the sessions of scs, with any store of scs.
type old struct{ sessions *scs.SessionManager }

func oldSessions(sessions *scs.SessionManager) moving.Old {
	sessions.Codec = codec{sessions.Codec}
	return old{sessions}
}

// Cookie is the cookie of scs.
func (o old) Cookie() http.Cookie {
	c := o.sessions.Cookie
	return http.Cookie{Name: c.Name, Path: c.Path, Domain: c.Domain}
}

// Load puts the values of the old session into a session of berth. The key of the user is the application's.
func (o old) Load(r *http.Request, into *session.Session) (found bool, err error) {
	ctx, err := o.open(r)
	if err != nil || o.sessions.Token(ctx) == "" {
		return false, err
	}
	for _, key := range o.sessions.Keys(ctx) {
		switch key {
		case "user":
			into.SetPrincipal(o.sessions.GetString(ctx, key))
		case "__rememberMe":
			if o.sessions.GetBool(ctx, key) {
				into.Remember(max(time.Second, time.Until(o.sessions.Deadline(ctx))))
			}
		default:
			into.Set(key, o.sessions.Get(ctx, key))
		}
	}
	return true, nil
}

// End ends the old session.
func (o old) End(r *http.Request) error {
	ctx, err := o.open(r)
	if err != nil {
		return err
	}
	return o.sessions.Destroy(ctx)
}

func (o old) open(r *http.Request) (context.Context, error) {
	c, err := r.Cookie(o.sessions.Cookie.Name)
	if err != nil {
		return nil, err
	}
	return o.sessions.Load(r.Context(), c.Value)
}

// codec tells a session that cannot be decoded from a Redis that cannot be reached.
type codec struct{ scs.Codec }

func (c codec) Decode(b []byte) (deadline time.Time, values map[string]any, err error) {
	deadline, values, err = c.Codec.Decode(b)
	if err != nil {
		err = fmt.Errorf("%w: %w", moving.ErrUnreadable, err)
	}
	return deadline, values, err
}
