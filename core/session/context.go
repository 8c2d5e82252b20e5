package session

import (
	"context"
	"fmt"
)

type contextKey struct{}

type managerKey struct{ m *Manager }

// sessionContext is a context that carries a session. The first one of a session
// lives within it, which saves every request an allocation.
type sessionContext struct {
	context.Context
	s *Session
}

func (c *sessionContext) Value(key any) any {
	switch key := key.(type) {
	case contextKey:
		return c.s
	case managerKey:
		if key.m == c.s.m {
			return c.s
		}
	}
	return c.Context.Value(key)
}

// String names the context and what it is made of, as those of package context do, and
// nothing of the session.
func (c *sessionContext) String() string {
	if parent, ok := c.Context.(fmt.Stringer); ok {
		return parent.String() + ".WithSession"
	}
	return fmt.Sprintf("%T.WithSession", c.Context)
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
		panic("session: no session in this context: install the middleware of your framework's adapter, or httpsession.Middleware, before this handler; " +
			"and pass the request's context, under Gin c.Request.Context(), under Fiber c.UserContext()")
	}
	return s
}

// Serving tells whether ctx carries a session of m. Middlewares call it: installed
// twice, the inner one must let the request through, since it would wait for the
// lease that the outer one holds.
func (m *Manager) Serving(ctx context.Context) bool { return m.serving(ctx) != nil }

// serving returns the session of m in ctx, nil if there is none.
func (m *Manager) serving(ctx context.Context) *Session {
	s, _ := ctx.Value(managerKey{m}).(*Session)
	return s
}
