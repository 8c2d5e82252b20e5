package redistest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/redistest"
)

// verdict is a *testing.T that records Skip and Fatal, and goes on.
type verdict struct{ skipped, failed string }

func (v *verdict) Helper()           {}
func (v *verdict) Skip(args ...any)  { v.skipped = fmt.Sprint(args...) }
func (v *verdict) Fatal(args ...any) { v.failed = fmt.Sprint(args...) }

// NeedServer reads the environment, so this test is not parallel.
func TestNeedServer(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("REDIS_SERVER", "")
	t.Setenv("PATH", dir)
	t.Setenv("REDIS_URL", "redis://192.0.2.1:6379") // is no help
	need := func(require string) (v verdict) {
		t.Setenv("REQUIRE_REDIS", require)
		redistest.NeedServer(&v)
		return v
	}
	useful := func(said string) bool {
		return strings.Contains(said, "install redis-server") && !strings.Contains(said, "\n")
	}
	if v := need(""); !useful(v.skipped) || v.failed != "" {
		t.Errorf("nothing: %+v, want it skipped, and one line that says what to install", v)
	}
	if v := need("1"); !useful(v.failed) || v.skipped != "" {
		t.Errorf("nothing, but required: %+v, want it failed, and one line that says what to install", v)
	}
	if err := os.WriteFile(filepath.Join(dir, "redis-server"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, require := range []string{"", "1"} {
		if v := need(require); v != (verdict{}) {
			t.Errorf("installed: %+v, want nothing", v)
		}
	}
}
