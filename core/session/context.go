package session

import (
	"context"
	"errors"
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

// Carry has put keep s under the keys by which [FromContext] looks for it. Middlewares call it if
// their framework's request is a context itself, and takes values by key, as under Fiber.
func Carry(s *Session, put func(key, value any)) {
	put(contextKey{}, s)
	put(managerKey{s.m}, s)
}

// FromContext returns the session of the request that ctx belongs to. It is for code that knows
// no framework. It panics if there is none: then the route has no middleware, which is a mistake
// in the program.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	if s == nil {
		panic("session: no session in this context: install the middleware of your framework's adapter, or httpsession.Middleware, before this handler; " +
			"and pass the request's context, under Gin c.Request.Context(), under Fiber v2 c.UserContext(), under Fiber v3 c itself")
	}
	return s
}

// ChangeAccess begins the session of ctx anew with another access, in place. A middleware calls it
// that is installed behind another one, as on a group of routes that needs less than the whole
// application. It is an error once somebody has read or changed the session. What [Adapter.Admit] has
// checked before must be true of the session that is begun anew: if it is not, ChangeAccess returns what
// Admit would.
func (a Adapter) ChangeAccess(ctx context.Context, access Access) error {
	s, err := a.changeAccess(ctx, access)
	if err != nil {
		return err
	}
	s.mu.Lock()
	required := s.required
	s.mu.Unlock()
	return a.Admit(ctx, required)
}

func (a Adapter) changeAccess(ctx context.Context, access Access) (*Session, error) {
	s := a.SessionOf(ctx)
	if s == nil {
		return nil, errors.New("session: ChangeAccess without a session in the context: install the middleware before")
	}
	s.mu.Lock()
	before, used, held, isNew := s.access, s.looked || s.state != open, s.lease, s.draft.New
	s.mu.Unlock()
	switch {
	case before == access:
		return s, nil
	case used:
		err := fmt.Errorf("session: a second middleware asks for %v access, but the session was begun %v and is in use already: install it before what uses the session", access, before)
		s.fail(ctx, err)
		return nil, err
	case access == Peek && before != None && !isNew:
		err := fmt.Errorf("session: a second middleware asks for Peek access, but the first has begun the session %v and so started its idle time anew: let WithAccess of the first middleware choose Peek", before)
		s.fail(ctx, err)
		return nil, err
	}
	if err := held.Release(ctx); err != nil {
		s.fail(ctx, opError(opRollback, err))
	}
	again, err := a.m.begin(ctx, s.opened, access)
	a.m.stats.begun.Add(^uint64(0)) // it was counted before
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		if s.state == open {
			s.state, s.lease = rolledBack, nil
		}
		return nil, err
	case s.state != open || s.looked: // meanwhile
		again.lease.Discard()
		s.lease = nil
		return nil, fmt.Errorf("session: a second middleware asks for %v access, and the session was used or given up while it waited", access)
	}
	s.content = again.content
	return s, nil
}
