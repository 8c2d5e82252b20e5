package session

import (
	"context"
	"errors"
	"net/http"

	"github.com/berthgo/berth/core/internal/cookie"
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

// SessionID returns the session ID that a request carries in its cookie, or in Options.Header, and
// "" if there is none. If there are several, the first that has the form of an ID counts.
func (m *Manager) SessionID(request Headers) string {
	if name := m.options.Header; name != "" {
		for _, id := range request.Values(name) {
			if credential.Valid(id) {
				return id
			}
		}
		return ""
	}
	return cookie.ID(request.Values("Cookie"), m.options.Cookie.Name)
}

// SetHeaders tells the client what it must know after [Session.Finish]: the new ID of a session
// that was created or rotated, or the old one again for the cookie's age, or that the session is
// gone. Such a response gets Cache-Control: no-store. SetHeaders does not touch any other response,
// so that those can be cached. Encrypted says that the request came to this process by TLS.
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
		encrypted = encrypted || cookie.ByHTTPS(request.Values("X-Forwarded-Proto"), request.Values("Forwarded"))
		response.Add("Set-Cookie", s.m.options.Cookie.header(id, encrypted))
	}
	response.Set("Cache-Control", "no-store")
	s.owed = owesNothing
}

// HTTPStatus returns the HTTP status with which a middleware answers an error of Begin or Finish.
// It is 503 if the client may try again in a moment; retryAfter is then the content of a
// Retry-After header, in seconds. Otherwise it is 500, and retryAfter is 0.
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
