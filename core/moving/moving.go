package moving

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// Old is the library that an application leaves. It must be safe for concurrent use.
//
// The requests that Load and End get have a context that does not end when the client hangs up.
type Old interface {
	// Cookie is the old cookie, with the Path and the Domain that it was set with. The middleware reads the
	// Name, and deletes the cookie when the session was moved, or when there is none.
	Cookie() http.Cookie

	// Load puts what the old session of a request holds into a new one, by Set, and, if it knows them, by
	// SetPrincipal and Remember. SetPrincipal is no sign-in here: see [session.Adapter.TakenOver]. It returns
	// false if there is no such session. An error that is not [ErrUnreadable] means that the old store could not
	// be asked.
	Load(r *http.Request, into *session.Session) (found bool, err error)

	// End ends the old session of a request. It may have ended already: that is no error.
	End(r *http.Request) error
}

// ErrUnreadable says that there is an old session, and that it cannot be decoded. The visitor starts anew. The
// old session and its cookie stay.
var ErrUnreadable = errors.New("moving: the old session cannot be decoded")

// Option changes what [Middleware] does.
type Option func(*mover)

// WithErrorHandler sets what answers if the old session could not be read, saved or ended because Redis or the
// old store cannot be reached. Defaults to [httpsession.Error].
func WithErrorHandler(onError func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(m *mover) { m.onError = onError }
}

// WithUnreadable sets what hears of old sessions that cannot be decoded, see [ErrUnreadable]. Defaults to a line
// in [slog.Default] with the error of Load.
func WithUnreadable(unreadable func(r *http.Request, err error)) Option {
	return func(m *mover) { m.unreadable = unreadable }
}

type mover struct {
	manager    *session.Manager
	old        Old
	onError    func(w http.ResponseWriter, r *http.Request, err error)
	unreadable func(r *http.Request, err error)
}

// Middleware moves the sessions of an old library to a Manager. Install it around berth's own middleware. It
// is an error if the Manager takes the session ID from Options.Header.
func Middleware(m *session.Manager, old Old, opts ...Option) (func(next http.Handler) http.Handler, error) {
	if m.Adapter().CookieName() == "" {
		return nil, errors.New("moving: the Manager takes session IDs from Options.Header, and sessions are moved from cookie to cookie: give it a Manager without Header")
	}
	v := &mover{manager: m, old: old, onError: httpsession.Error, unreadable: func(r *http.Request, err error) {
		slog.WarnContext(r.Context(), "moving: an old session cannot be decoded, and its visitor starts anew", "error", err)
	}}
	for _, opt := range opts {
		opt(v)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if w, r, ok := v.serve(w, r); ok {
				next.ServeHTTP(w, r)
				if w, ok := w.(*uncached); ok {
					w.noStore() // a handler may write nothing
				}
			}
		})
	}, nil
}

// serve returns what to go on with, and false if the request was answered.
func (v *mover) serve(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request, bool) {
	cookie := v.old.Cookie()
	old, err := r.Cookie(cookie.Name)
	if err != nil || old.Value == "" || v.manager.Adapter().SessionID(r.Header) != "" {
		return w, r, true
	}
	to, err := v.move(r, old.Value)
	switch {
	case errors.Is(err, ErrUnreadable):
		v.unreadable(r, err)
		return w, r, true
	case err != nil:
		v.manager.Adapter().Vary(w.Header())
		v.onError(w, r, err)
		return nil, nil, false
	}
	v.manager.Adapter().Vary(w.Header())
	if to.id == "" || to.line != "" && cookie.Name != v.manager.Adapter().CookieName() {
		cookie.Value, cookie.MaxAge, cookie.HttpOnly = "", -1, true
		w.Header().Add("Set-Cookie", cookie.String())
	}
	if to.id == "" {
		return &uncached{w, v.manager}, without(r, cookie.Name, ""), true
	}
	if to.line != "" {
		w.Header().Add("Set-Cookie", to.line)
	}
	return &uncached{w, v.manager}, without(r, cookie.Name, v.manager.Adapter().CookieName()+"="+to.id), true
}

// without returns a copy of a request that has another cookie in place of those of a name.
func without(r *http.Request, name, cookie string) *http.Request {
	r = r.Clone(r.Context())
	var all []string
	for _, c := range r.Cookies() {
		if c.Name != name {
			all = append(all, c.String())
		}
	}
	if cookie != "" {
		all = append(all, cookie)
	}
	if r.Header.Del("Cookie"); len(all) > 0 {
		r.Header.Set("Cookie", strings.Join(all, "; "))
	}
	return r
}

// moved is where an old session has gone. The zero value means that there was none.
type moved struct {
	id   string
	line string // the Set-Cookie for the client, "" if it must not get it
}

// move moves the old session of a request, or waits for another request that does.
func (v *mover) move(r *http.Request, old string) (moved, error) {
	h := newHandover(v.manager, old)
	line, claimed, err := h.await(r.Context())
	switch {
	case err != nil:
		return moved{}, err
	case claimed:
		to, err := v.lead(r, h)
		if errors.Is(err, errLate) {
			return v.move(r, old)
		}
		return to, err
	}
	// The process that moved it may have died before this.
	if err := v.old.End(r.WithContext(context.WithoutCancel(r.Context()))); err != nil {
		return moved{}, &session.OpError{Op: "move", Err: err}
	}
	id := idIn(line)
	// A cookie that was replaced or ended meanwhile must not go to the client again.
	s, err := v.manager.Begin(r.Context(), id, session.Peek)
	if err != nil {
		return moved{}, err
	}
	defer s.Rollback(r.Context())
	if s.IsNew() || s.Detached() {
		line = ""
	}
	return moved{id, line}, nil
}

// lead moves the old session of a request, and tells others about it.
func (v *mover) lead(r *http.Request, h *handover) (to moved, err error) {
	ctx := context.WithoutCancel(r.Context()) // a client that hangs up does not leave it half done
	r = r.WithContext(ctx)
	done := false
	defer func() {
		if !done {
			h.giveUp(ctx)
		}
	}()
	s, err := v.manager.Adapter().Begin(ctx, session.Request{Headers: http.Header{}, Method: r.Method, Path: r.URL.Path, Host: r.Host}, session.Exclusive)
	if err != nil {
		return moved{}, err
	}
	defer s.Rollback(ctx)
	found, err := v.old.Load(r, s)
	switch {
	case errors.Is(err, ErrUnreadable):
		return moved{}, err
	case err != nil:
		return moved{}, &session.OpError{Op: "move", Err: err}
	case !found:
		return moved{}, nil
	}
	v.manager.Adapter().TakenOver(s) // a move is no sign-in
	if err := s.Finish(ctx); err != nil {
		if status, _ := session.HTTPStatus(err); status == http.StatusServiceUnavailable {
			return moved{}, err
		}
		return moved{}, errors.Join(ErrUnreadable, err)
	}
	if err := s.Err(); err != nil { // which FailSilently hides
		return moved{}, err
	}
	response := http.Header{}
	s.SetHeaders(r.Header, response, r.TLS != nil)
	to = moved{s.ID(), response.Get("Set-Cookie")}
	if to.line == "" {
		return moved{}, nil // it held nothing
	}
	if err = h.publish(ctx, to.line); err == nil {
		err = v.old.End(r)
	}
	if errors.Is(err, errLate) {
		return moved{}, errors.Join(err, v.manager.End(ctx, to.id))
	}
	if err != nil { // both would be there: rather none was moved
		return moved{}, &session.OpError{Op: "move", Err: errors.Join(err, v.manager.End(ctx, to.id))}
	}
	done = true
	return to, nil
}
