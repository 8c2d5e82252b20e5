package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
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

// The goroutines of one handler may use its session at once.
func TestConcurrentUseOfOneSession(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		m := r.Manager(session.Options{})
		s := begin(t, m, saved(t, m, "n", 0), session.Exclusive)
		done := make(chan struct{})
		for i := range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for j := range 100 {
					key := fmt.Sprintf("%d-%d", i, j)
					s.Set(key, j)
					s.Has(key)
					_, _ = session.Get[int](s, "n")
					_ = s.Keys()
					_ = s.Err()
					if j%2 == 1 {
						s.Delete(key)
					}
				}
			}()
		}
		for range 8 {
			<-done
		}
		commit(t, s)
		if got := view(t, m, s.ID()).Len(); got != 401 {
			t.Errorf("%d values, want 401", got)
		}
	})
}
