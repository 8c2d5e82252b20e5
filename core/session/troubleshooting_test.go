package session_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

// Whoever searches docs/troubleshooting.md for the text of an error finds it.
func TestTroubleshootingHasTheErrors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, known := range []error{
		session.ErrLockTimeout, session.ErrLockLost, session.ErrEnded, session.ErrForged, session.ErrSealed, session.ErrReadOnly,
		session.ErrTooLarge, session.ErrUnsent, session.ErrTooManySessions, session.ErrClosed, session.ErrNoPrincipal,
		session.ErrSignInTooOld, session.ErrUnknown,
	} {
		said := known.Error()
		said = said[:min(len(said), 50)] // some go on for several lines
		if !strings.Contains(page, said) {
			t.Errorf("docs/troubleshooting.md does not have %q", said)
		}
	}
	for _, e := range []session.LockTimeoutError{{Waited: 30e9, LockWait: 30e9, LockTTL: 10e9}, {Full: true, MaxWaiters: 128}, {LockWait: -1}} {
		if said, _, _ := strings.Cut(e.Error(), " ("); !strings.Contains(page, said) {
			t.Errorf("docs/troubleshooting.md does not have %q", said)
		}
	}
	for _, op := range []string{"encode", "decode", "decrypt"} {
		e := session.ValueError{Op: op, Key: "x", Type: "T", Err: errors.New("unknown")}
		if said, _, _ := strings.Cut(e.Error(), ";"); !strings.Contains(page, said) {
			t.Errorf("docs/troubleshooting.md does not have %q", said)
		}
	}
}
