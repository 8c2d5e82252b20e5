package draft_test

import (
	"testing"
	"time"

	"github.com/berthgo/berth/core/internal/draft"
	"github.com/berthgo/berth/core/internal/store"
)

var rules = draft.Rules{Timeout: time.Hour, Anonymous: time.Minute, Lifetime: 24 * time.Hour}

// Whatever a request does, Undo makes of it what was loaded.
func TestUndo(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, loaded := range map[string]draft.Draft{
		"new":   draft.Fresh(&rules),
		"saved": draft.Of(store.Meta{Created: now, Timeout: time.Second, Principal: "ann", Extras: store.Extras{Authenticated: now, Remembered: time.Minute}}),
	} {
		d := loaded
		d.Sign(&rules, "bob")
		value := "v"
		d.Timeout, d.Companion, d.Remembered = 3*time.Second, &value, time.Hour
		if d.Undo(&rules); d != loaded {
			t.Errorf("%s: %+v, want %+v", name, d, loaded)
		}
	}
}

// A timeout that the session has not of its own follows the principal. One of its own goes with its user.
func TestTimeoutFollowsThePrincipal(t *testing.T) {
	t.Parallel()
	visitor := draft.Of(store.Meta{Timeout: rules.Anonymous})
	if visitor.Sign(&rules, "ann"); visitor.Timeout != rules.Timeout || visitor.Switched || !visitor.Rotate {
		t.Errorf("after a sign-in: %+v", visitor)
	}
	own := draft.Of(store.Meta{Timeout: time.Second})
	if own.Sign(&rules, "ann"); own.Timeout != time.Second {
		t.Errorf("with a timeout of its own: %+v", own)
	}
	if switched := own.Sign(&rules, "bob"); !switched || own.Timeout != rules.Timeout || !own.Switched {
		t.Errorf("after another user: %+v", own)
	}
}
