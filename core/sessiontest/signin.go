package sessiontest

import (
	"context"
	"net/http"

	"github.com/berthgo/berth/core/session"
)

// Values are what a session holds, by key.
type Values map[string]any

// SignIn makes a session with a principal and values, and returns its cookie, as a browser gets it
// over HTTPS. Without a principal (""), the session belongs to nobody, and needs at least one value.
// values may be nil. Put the cookie into a request with AddCookie, or give it to [Sessions.Client].
//
// Options.Hooks.OnStart is called for it, the other hooks are not. With Options.Header there is no
// cookie: the Name of what SignIn returns is that of the header then, and the Value is its content.
func (s *Sessions) SignIn(principal string, values Values) *http.Cookie {
	s.t.Helper()
	if principal == "" && len(values) == 0 {
		s.t.Fatalf("sessiontest: SignIn without a principal and without values: such a session is not saved; give it a value")
	}
	ctx := context.WithoutCancel(s.t.Context())
	signed, err := s.manager.Begin(ctx, "", session.Exclusive)
	if err != nil {
		s.t.Fatalf("sessiontest: SignIn: %v", err)
	}
	defer signed.Rollback(ctx)
	if principal != "" {
		signed.SetPrincipal(principal)
	}
	for key, value := range values {
		signed.Set(key, value)
	}
	cookie, err := s.finish(ctx, signed, nil)
	if err != nil {
		s.t.Fatalf("sessiontest: SignIn: %v", err)
	}
	return cookie
}

// finish commits a session as a middleware does, and returns the cookie that the client has from
// then on: the one before, unless the response would set another; nil if it would delete it.
func (s *Sessions) finish(ctx context.Context, of *session.Session, before *http.Cookie) (*http.Cookie, error) {
	if err := of.Finish(ctx); err != nil {
		return nil, err
	}
	header := make(http.Header)
	of.SetHeaders(s.request(before), header, true)
	switch cookie := s.cookieIn(header); {
	case cookie == nil:
		return before, nil
	case cookie.Value == "":
		return nil, nil
	default:
		return cookie, nil
	}
}

// Cookie returns the session cookie that a response sets, nil if it sets none. If the response
// deletes the cookie, as after a logout, the Value is "". With Options.Header see [Sessions.SignIn].
func (s *Sessions) Cookie(response *http.Response) *http.Cookie { return s.cookieIn(response.Header) }

// cookieIn returns the last one, as a browser keeps it.
func (s *Sessions) cookieIn(response http.Header) (found *http.Cookie) {
	name := s.cookieName()
	if s.options.Header != "" {
		if values := response.Values(name); len(values) > 0 {
			return &http.Cookie{Name: name, Value: values[len(values)-1]}
		}
		return nil
	}
	for _, line := range response.Values("Set-Cookie") {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == name {
			found = cookie
		}
	}
	return found
}
