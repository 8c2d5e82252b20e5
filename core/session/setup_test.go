package session_test

import (
	"context"
	"strings"
	"testing"

	support "github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { support.Main(m) }

// Short names for what most tests of this package use.
type (
	rig        = support.Rig
	trips      = support.Trips
	step       = support.Step
	matching   = support.Matching
	latecomers = support.Latecomers
	endings    = support.Endings
)

// crowded has any two calls of a test's managers share a pipeline.
func crowded(test func(t *testing.T, r *rig)) func(t *testing.T, r *rig) {
	return func(t *testing.T, r *rig) { test(t, crowd(r)) }
}

func crowd(r *rig) *rig {
	r.Made = (*session.Manager).Crowd
	return r
}

func newRig(t *testing.T) *rig { return crowd(support.New(t)) }

func onReal(t *testing.T) *rig { return crowd(support.OnRedis(t)) }

func onEach(t *testing.T, test func(t *testing.T, r *rig)) { support.Each(t, crowded(test)) }

func inBubble(t *testing.T, test func(t *testing.T, r *rig)) { support.InBubble(t, crowded(test)) }

func withServer(t *testing.T, args ...string) (*redistest.Server, *rig) {
	t.Helper()
	server, r := support.WithServer(t, args...)
	return server, crowd(r)
}

func get[T any](t *testing.T, s *session.Session, key string) T {
	t.Helper()
	return support.Get[T](t, s, key)
}

var (
	handleOf  = support.HandleOf
	saved     = support.Saved
	begin     = support.Begin
	commit    = support.Commit
	view      = support.View
	wantErr   = support.WantErr
	until     = support.Until
	increment = support.Increment
	rounds    = support.Rounds

	signIn  = support.SignIn
	rotate  = support.Rotate
	handles = support.HandlesOf
	lives   = support.Lives
	isOf    = support.IsOf

	pass       = support.Pass
	refuse     = support.Refuse
	lose       = support.Lose
	answers    = support.Answers
	failCommit = support.FailCommit

	warmUp   = support.WarmUp
	warmUpAt = support.WarmUpAt

	handleEnds = support.HandleEnds
	tracked    = support.Tracked
)

// changes records what commits write, through the hooks.
type changes struct{ set, deleted []string }

func (c *changes) hooks() session.Hooks {
	return session.Hooks{
		OnFieldsSet:     func(_ context.Context, _ *session.Session, keys []string) { c.set = keys },
		OnFieldsDeleted: func(_ context.Context, _ *session.Session, keys []string) { c.deleted = keys },
	}
}

func (c *changes) want(t *testing.T, what string, set, deleted string) {
	t.Helper()
	if got := strings.Join(c.set, " "); got != set {
		t.Errorf("%s: wrote %q, want %q", what, got, set)
	}
	if got := strings.Join(c.deleted, " "); got != deleted {
		t.Errorf("%s: deleted %q, want %q", what, got, deleted)
	}
	*c = changes{}
}
