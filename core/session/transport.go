package session

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/berthgo/berth/core/internal/credential"
	"github.com/berthgo/berth/core/internal/store"
)

// Headers is what reading and writing a session ID needs of a request's or a
// response's headers. [http.Header] has it.
type Headers interface {
	Values(name string) []string
	Set(name, value string)
	Add(name, value string)
}

var _ Headers = http.Header(nil)

// owed is what a response has to tell the client after a commit.
type owed int

const (
	owesNothing owed = iota
	owesCookie
	owesDeletion
)

// SessionID returns the session ID that a request carries in its cookie, or in its
// Options.Header, and "" if there is none that has the form of one. Of several
// cookies of that name the first such counts.
func (m *Manager) SessionID(request Headers) string {
	if name := m.options.Header; name != "" {
		for _, id := range request.Values(name) {
			if credential.Valid(id) {
				return id
			}
		}
		return ""
	}
	for _, line := range request.Values("Cookie") {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, id, _ := strings.Cut(strings.TrimLeft(pair, " \t"), "=")
			if name != m.options.Cookie.Name {
				continue
			}
			id = strings.TrimRight(id, " \t")
			if n := len(id); n >= 2 && id[0] == '"' && id[n-1] == '"' {
				id = id[1 : n-1]
			}
			if credential.Valid(id) {
				return id
			}
		}
	}
	return ""
}

// cookieIsDue tells whether a commit must send the cookie for its age alone.
func (s *Session) cookieIsDue(http bool, now time.Time) bool {
	age := s.m.options.Cookie.MaxAge
	return http && age != 0 && !s.isNew && !s.rotate && now.Sub(s.meta.Extras.CookieSent) >= age/10
}

// SetHeaders tells the client what it must know after [Session.Finish]: the ID of a
// session that was created or rotated, or that it is gone. It leaves the headers of
// all other responses alone, so that they can be cached, and marks these as not
// to be stored. Encrypted says that the request came to this process by TLS.
func (s *Session) SetHeaders(request, response Headers, encrypted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owed == owesNothing {
		return
	}
	id := s.id
	if s.owed == owesDeletion {
		id = ""
	}
	if name := s.m.options.Header; name != "" {
		response.Set(name, id)
	} else {
		response.Add("Set-Cookie", s.m.options.Cookie.header(id, encrypted || proxied(request)))
	}
	response.Set("Cache-Control", "no-store")
	s.owed = owesNothing
}

// header is the content of Set-Cookie for an ID, or for the deletion of the cookie.
func (c Cookie) header(id string, encrypted bool) string {
	cookie := http.Cookie{
		Name: c.Name, Value: id, Domain: c.Domain, Path: c.Path,
		MaxAge: int(c.MaxAge / time.Second), HttpOnly: true,
		Secure:      c.Secure == SecureAlways || c.Secure == SecureAuto && encrypted,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	if id == "" {
		cookie.MaxAge = -1
	}
	return cookie.String()
}

// proxied tells whether a proxy says that the client came by HTTPS. A client that
// lies about it gets a cookie that its browser sends less often, no more.
func proxied(request Headers) bool {
	if protos := request.Values("X-Forwarded-Proto"); len(protos) > 0 {
		first, _, _ := strings.Cut(protos[0], ",")
		return strings.EqualFold(strings.TrimSpace(first), "https")
	}
	forwarded := request.Values("Forwarded")
	if len(forwarded) == 0 {
		return false
	}
	client, _, _ := strings.Cut(forwarded[0], ",")
	for pair := range strings.SplitSeq(client, ";") {
		name, proto, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "proto") {
			return strings.EqualFold(strings.Trim(proto, `"`), "https")
		}
	}
	return false
}

// HTTPStatus returns the HTTP status with which a middleware answers an error of
// Begin or Finish: 503 for what a client can try again in a moment, which
// deserves a Retry-After header of so many seconds, and 500 with 0 for what trying again does
// not mend.
func HTTPStatus(err error) (status, retryAfter int) {
	for _, fault := range []error{ErrReadOnly, ErrSealed, ErrTooLarge, ErrForged, store.ErrFormat} {
		if errors.Is(err, fault) {
			return http.StatusInternalServerError, 0
		}
	}
	var failed *OpError
	if errors.As(err, &failed) || errors.Is(err, ErrLockTimeout) || errors.Is(err, ErrLockLost) ||
		errors.Is(err, ErrEnded) || errors.Is(err, ErrClosed) || errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable, 1
	}
	return http.StatusInternalServerError, 0
}
