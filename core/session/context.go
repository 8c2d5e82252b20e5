package session

import (
	"context"
	"fmt"
)

type contextKey struct{}

type managerKey struct{ m *Manager }

// sessionContext is a context that carries a session. The first one of a session is a field of the
// session, which saves an allocation.
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

// String names the context and its parent, as those of package context do, and nothing of the
// session.
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

// FromContext returns the session of the request that ctx belongs to. It is for code that knows
// no framework. It panics if there is none: then the route has no middleware, which is a mistake
// in the program.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	if s == nil {
		panic("session: no session in this context: install the middleware of your framework's adapter, or httpsession.Middleware, before this handler; " +
			"and pass the request's context, under Gin c.Request.Context(), under Fiber c.UserContext()")
	}
	return s
}

// Serving tells whether ctx carries a session of m. Middlewares call it: if one is installed
// twice, the inner one must do nothing, since it would wait for the lease that the outer one
// holds.
func (m *Manager) Serving(ctx context.Context) bool { return m.serving(ctx) != nil }

// serving returns the session of m in ctx, nil if there is none.
func (m *Manager) serving(ctx context.Context) *Session {
	s, _ := ctx.Value(managerKey{m}).(*Session)
	return s
}
