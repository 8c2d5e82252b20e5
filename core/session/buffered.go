package session

import (
	"context"

	"github.com/berthgo/berth/core/internal/cookie"
)

// Buffered is a request of a framework that sends nothing before the handler has returned, such as
// Fiber. [Adapter.ServeBuffered] serves it.
type Buffered struct {
	Request   Request
	Encrypted bool // the request came to this process by TLS

	// Access is how the request holds its session. Defaults to [Exclusive], and behind another
	// middleware to no change.
	Access func(r Request) Access

	// Require is what the session must be. Defaults to nothing.
	Require Requirement

	// Exchange is what the framework does. It must be set.
	Exchange BufferedExchange
}

// BufferedExchange is what [Adapter.ServeBuffered] asks of a framework. Its methods are called one
// after the other.
type BufferedExchange interface {
	// Enter puts s, and ctx which carries it, where a handler looks for them. It is called before Next. Whoever
	// needs the response's headers as they were before the handler, for Fail, keeps them here.
	Enter(ctx context.Context, s *Session)

	// Next calls the handler.
	Next() error

	// Header returns the headers of the response.
	Header() Headers

	// Sent reports whether the response has gone already, so that later headers do not reach the
	// client. It is called after Next, and only if the client has to be told of another cookie.
	Sent() bool

	// Fail answers err. What the handler wrote, if it was called, must not be in that response.
	Fail(err error) error
}

// ServeBuffered gives a request a session, and calls its handler. It is for adapters of frameworks that
// send nothing before the handler has returned. It returns what the handler returns, or else what
// Exchange.Fail does.
//
// ServeBuffered commits when the handler has returned. If the begin or the commit fails, or the session
// does not meet Require, it calls Exchange.Fail, once at most. If the response has gone by then, as
// Exchange.Sent says, and the client should have got a cookie, [ErrUnsent] is reported.
//
// If ctx has a session already, because the middleware is installed twice, ServeBuffered changes
// its access, unless Access is nil, and calls the handler.
//
// After a panic in the handler, nothing is saved and the panic goes on.
func (a Adapter) ServeBuffered(ctx context.Context, b Buffered) error {
	if a.SessionOf(ctx) != nil {
		if b.Access != nil {
			if err := a.ChangeAccess(ctx, b.Access(b.Request)); err != nil {
				return a.refuseBuffered(b, err)
			}
		}
		if err := a.Admit(ctx, b.Require); err != nil {
			return a.refuseBuffered(b, err)
		}
		return b.Exchange.Next()
	}
	access := Exclusive
	if b.Access != nil {
		access = b.Access(b.Request)
	}
	s, err := a.Begin(ctx, b.Request, access)
	if err != nil {
		return a.failBuffered(b, err)
	}
	// After a panic nothing is saved, and the panic goes on. Rollback also ends a session that was
	// abandoned after the commit.
	defer s.Rollback(ctx)
	inside := NewContext(ctx, s)
	b.Exchange.Enter(inside, s)
	if err := a.Admit(inside, b.Require); err != nil {
		s.SetHeaders(b.Request.Headers, b.Exchange.Header(), b.Encrypted)
		return a.refuseBuffered(b, err)
	}
	err = b.Exchange.Next()
	if failure := s.Finish(ctx); failure != nil {
		s.Rollback(ctx)
		return a.failBuffered(b, failure)
	}
	s.SetHeaders(b.Request.Headers, b.Exchange.Header(), b.Encrypted)
	if s.hasTold() && b.Exchange.Sent() {
		a.Hijacked(ctx, s)
	}
	return err
}

// refuseBuffered answers in place of the handler.
func (a Adapter) refuseBuffered(b Buffered, err error) error {
	a.Refuse(b.Exchange.Header())
	return a.failBuffered(b, err)
}

func (a Adapter) failBuffered(b Buffered, err error) error {
	err = b.Exchange.Fail(err)
	a.Vary(b.Exchange.Header())
	return err
}

// CookiesAsSent returns the values of a request's Cookie header under fasthttp, for a [Headers] of such
// a request. Lines are what fasthttp has of the header, and raw is the header block that the client
// sent. It copies, because the next request overwrites both.
//
// Once anything has read a cookie, fasthttp writes that header anew, and a cookie of another name may
// then read like the session cookie. CookiesAsSent leaves such cookies out.
func CookiesAsSent(raw []byte, lines [][]byte) []string { return cookie.AsSent(raw, lines) }
