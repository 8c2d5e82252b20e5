package target_test

import (
	"testing"

	"github.com/berthgo/berth/conformance/bench/internal/target"
)

func TestAll(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, x := range target.All() {
		if seen[x.Name] {
			t.Errorf("two targets are named %q", x.Name)
		}
		seen[x.Name] = true
		if x.Locks && !x.Stores {
			t.Errorf("%s locks what it does not keep", x.Name)
		}
		if e := target.Named(target.EmptyName(x.Framework))[0]; e.Framework != x.Framework || e.Kind != target.Empty {
			t.Errorf("%s is compared with %+v", x.Name, e)
		}
	}
}
