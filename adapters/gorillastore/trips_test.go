package gorillastore_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/gorilla/sessions"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/session"
)

// trips counts the calls of a client.
type trips struct{ n atomic.Int64 }

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmds)
	}
}

// What a request costs in calls to Redis, as docs/gorilla.md says.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	b := s.browser()
	b.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	b.visit(func(s *sessions.Session) { s.ID, s.Values["a"] = "", 2 })
	warm := s.browser() // so that Redis has the scripts
	warm.visit(func(s *sessions.Session) { s.Values["a"] = 1 })
	warm.visit(func(s *sessions.Session) { s.Values["a"] = 2 })
	warm.visit(func(s *sessions.Session) { s.Options.MaxAge = -1 })
	var calls trips
	s.Redis.AddHook(&calls)
	wants := func(what string, want int64, request func()) {
		t.Helper()
		before := calls.n.Load()
		request()
		if got := calls.n.Load() - before; got != want {
			t.Errorf("%s takes %d calls, want %d", what, got, want)
		}
	}
	wants("a look without a cookie", 0, func() { s.browser().see(name) })
	wants("a new session", 1, func() { s.browser().visit(func(s *sessions.Session) { s.Values["a"] = 1 }) })
	wants("a look", 1, func() { b.see(name) })
	wants("a Save without a change", 1, func() { b.visit(func(*sessions.Session) {}) })
	wants("a change", 2, func() { b.visit(func(s *sessions.Session) { s.Values["a"] = 3 }) })
	wants("a new ID", 3, func() { b.visit(func(s *sessions.Session) { s.ID = "" }) })
	wants("a logout", 2, func() { b.visit(func(s *sessions.Session) { s.Options.MaxAge = -1 }) })
}
