package session

import (
	"context"
	"net/http"

	"github.com/berthgo/berth/core/internal/cookie"
)

// Headers is what reading and writing a session ID needs of a request's or a
// response's headers. [http.Header] has it. Values returns one string for each line of a header, so one
// for each cookie that a response sets.
type Headers interface {
	Values(name string) []string
	Set(name, value string)
	Add(name, value string)
	Del(name string)
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
// "" if there is none. If there are several, the first that has the form of an ID counts;
// [Adapter.Begin] looks which of them is live.
func (a Adapter) SessionID(request Headers) string {
	var room [4]string // on the stack
	if ids := a.m.carrier.IDs(room[:0], request); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// SetHeaders tells the client what it must know after [Session.Finish]: the new ID of a session
// that was created or rotated, or that the session is gone. No cache may keep such a response.
// Encrypted says that the request came to this process by TLS. It returns whether there was something to
// tell.
//
// If the handler has read or changed the session, or a middleware has asked for its principal, the
// response gets Vary, with or without a cookie.
// SetHeaders does not touch any other response, so that those can be cached. But if a middleware before has
// set the session cookie, as package moving does, no cache may keep that one either.
func (s *Session) SetHeaders(request, response Headers, encrypted bool) (told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked || s.required.principal {
		s.m.carrier.Vary(response)
	}
	if s.told = s.owed != owesNothing; !s.told {
		if s.m.carrier.IsSet(response) {
			cookie.NoStore(response)
		}
		return false
	}
	id := s.id
	if s.owed == owesDeletion {
		id = ""
	}
	if plain := s.m.carrier.Tell(request, response, id, s.draft.Within(&s.m.rules, s.draft.CookieAge(&s.m.rules)), encrypted); plain {
		s.warnOfHTTP()
	}
	cookie.NoStore(response)
	s.owed = owesNothing
	return true
}

// Hijacked reports [ErrUnsent] if the last SetHeaders told the client something. Middlewares call it
// when a handler has taken the connection over, if they called SetHeaders only then.
func (Adapter) Hijacked(ctx context.Context, s *Session) {
	s.mu.Lock()
	told := s.told
	s.mu.Unlock()
	if told {
		s.fail(ctx, ErrUnsent)
	}
}

// Vary says in a response that it depends on the session cookie, or on Options.Header. It adds to
// the Vary that is there. Middlewares call it for error responses, which have no session.
func (a Adapter) Vary(response Headers) { a.m.carrier.Vary(response) }
