package buffered

import (
	"context"

	"github.com/berthgo/berth/core/internal/cookie"
	"github.com/berthgo/berth/core/session"
)

// Request is what [Serve] serves.
type Request struct {
	session.Request

	Encrypted bool // the request came to this process by TLS

	// Access is how the request holds its session. Defaults to [session.Exclusive], and behind another
	// middleware to no change.
	Access func(r session.Request) session.Access

	// Require is what the session must be. Defaults to nothing.
	Require session.Requirement

	// Exchange is what the framework does. It must be set.
	Exchange Exchange
}

// Exchange is what [Serve] asks of a framework. Its methods are called one after the other.
type Exchange interface {
	// Enter puts s, and ctx which carries it, where a handler looks for them. It is called before Next. Whoever
	// needs the response's headers as they were before the handler, for Fail, keeps them here.
	Enter(ctx context.Context, s *session.Session)

	// Next calls the handler.
	Next() error

	// Header returns the headers of the response.
	Header() session.Headers

	// Sent reports whether the response has gone already, so that later headers do not reach the
	// client. It is called after Next, and only if the client has to be told of another cookie.
	Sent() bool

	// Fail answers err. What the handler wrote, if it was called, must not be in that response.
	Fail(err error) error
}

// Serve gives a request a session of m, and calls its handler. It returns what the handler returns, or
// else what Exchange.Fail does.
//
// Serve commits when the handler has returned. If the begin or the commit fails, or the session
// does not meet Require, it calls Exchange.Fail, once at most. If the response has gone by then, as
// Exchange.Sent says, and the client should have got a cookie, [session.ErrUnsent] is reported.
//
// If ctx has a session of m already, because the middleware is installed twice, Serve changes
// its access, unless Access is nil, and calls the handler.
//
// After a panic in the handler, nothing is saved and the panic goes on.
func Serve(ctx context.Context, m *session.Manager, r Request) error {
	a := m.Adapter()
	if a.SessionOf(ctx) != nil {
		if r.Access != nil {
			if err := a.ChangeAccess(ctx, r.Access(r.Request)); err != nil {
				return refuse(a, r.Exchange, err)
			}
		}
		if err := a.Admit(ctx, r.Require); err != nil {
			return refuse(a, r.Exchange, err)
		}
		return r.Exchange.Next()
	}
	access := session.Exclusive
	if r.Access != nil {
		access = r.Access(r.Request)
	}
	s, err := a.Begin(ctx, r.Request, access)
	if err != nil {
		return fail(a, r.Exchange, err)
	}
	// After a panic nothing is saved, and the panic goes on. Rollback also ends a session that was
	// abandoned after the commit.
	defer s.Rollback(ctx)
	inside := session.NewContext(ctx, s)
	r.Exchange.Enter(inside, s)
	if err := a.Admit(inside, r.Require); err != nil {
		s.SetHeaders(r.Headers, r.Exchange.Header(), r.Encrypted)
		return refuse(a, r.Exchange, err)
	}
	err = r.Exchange.Next()
	if failure := s.Finish(ctx); failure != nil {
		s.Rollback(ctx)
		return fail(a, r.Exchange, failure)
	}
	if told := s.SetHeaders(r.Headers, r.Exchange.Header(), r.Encrypted); told && r.Exchange.Sent() {
		a.Hijacked(ctx, s)
	}
	return err
}

// refuse answers in place of the handler.
func refuse(a session.Adapter, x Exchange, err error) error {
	a.Refuse(x.Header())
	return fail(a, x, err)
}

func fail(a session.Adapter, x Exchange, err error) error {
	err = x.Fail(err)
	a.Vary(x.Header())
	return err
}

// CookiesAsSent returns the values of a request's Cookie header under fasthttp, for a [session.Headers]
// of such a request. Lines are what fasthttp has of the header, and raw is the header block that the
// client sent. It copies, because the next request overwrites both.
//
// Once anything has read a cookie, fasthttp writes that header anew, and a cookie of another name may
// then read like the session cookie. CookiesAsSent leaves such cookies out.
func CookiesAsSent(raw []byte, lines [][]byte) []string { return cookie.AsSent(raw, lines) }
