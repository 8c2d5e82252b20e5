package session

import "context"

type contextKey struct{}

// sessionContext is a context that carries a session. The first one of a session
// lives within it, which saves every request an allocation.
type sessionContext struct {
	context.Context
	s *Session
}

func (c *sessionContext) Value(key any) any {
	if key == (contextKey{}) {
		return c.s
	}
	return c.Context.Value(key)
}

// NewContext returns a context that carries s. Middlewares call it.
func NewContext(ctx context.Context, s *Session) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.context.s != nil {
		return &sessionContext{ctx, s}
	}
	s.context = sessionContext{ctx, s}
	return &s.context
}

// FromContext returns the session of the request that ctx belongs to. Business
// code that knows no framework calls it. It panics if there is none: that is a
// route without the middleware, which no request can mend.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	if s == nil {
		panic("session: no session in this context; install the middleware of your framework's adapter, or httpsession.Middleware, before this handler")
	}
	return s
}
