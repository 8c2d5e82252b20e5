package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/berthgo/berth/conformance/faults/internal/breaks"
	"github.com/berthgo/berth/conformance/faults/internal/wire"
	"github.com/berthgo/berth/core/redistest"
)

// The servers of a run are this program once more.
func TestMain(m *testing.M) {
	if os.Getenv(wire.Variable) != "" || os.Getenv(asCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// A run comes to its end, finds nothing, and leaves no goroutine and no process behind.
func TestRuns(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	var out bytes.Buffer
	ok, err := drive(t.Context(), []string{"-runs", "3", "-seed", "7", "-parallel", "3"}, &out)
	if err != nil || !ok {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Each break is a change of what berth is now.
func TestBreaksApply(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, b := range breaks.Table {
		if _, err := b.Broken(root); err != nil {
			t.Error(err)
		}
		if names[b.Name] || b.Within == 0 {
			t.Errorf("%q is there twice, or says not within how many runs it is found", b.Name)
		}
		names[b.Name] = true
	}
	if len(names) < 15 {
		t.Errorf("%d breaks, want 15 or more", len(names))
	}
}
