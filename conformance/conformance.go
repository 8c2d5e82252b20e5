package conformance

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"
)

// contents is the suite: a file for each topic.
var contents = []topic{
	{"life", life},
	{"identity", identity},
	{"users", users},
	{"cookie", cookies},
	{"access", accesses},
	{"required", required},
	{"concurrency", concurrency},
	{"failure", failure},
	{"streaming", streaming},
	{"body", bodies},
	{"handler", handlers},
	{"hostile", hostile},
	{"roundtrips", roundTrips},
}

// Run runs the suite for an adapter, on a Redis. All cases run in parallel. They run only if
// handlers get a session at all.
func Run(t *testing.T, a Adapter, b Backend) {
	t.Helper()
	if a.Serve == nil {
		t.Fatalf("the Adapter %q has no Serve", a.Name)
	}
	if !t.Run("installed", func(t *testing.T) { testCase{run: installed}.check(t, a, b, patience) }) {
		return
	}
	for _, topic := range contents {
		t.Run(topic.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range topic.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.check(t, a, b, patience)
				})
			}
		})
	}
}

type topic struct {
	name  string
	cases []testCase
}

// testCase is one thing that must be true of every adapter whose framework has what the case needs.
type testCase struct {
	name  string
	run   func(r *rig)
	needs []Feature
}

func (c testCase) check(t T, a Adapter, b Backend, patience time.Duration) {
	t.Helper()
	for _, f := range c.needs {
		if slices.Contains(a.Lacks, f) {
			t.Skipf("%s declares that it lacks %s", a.Name, f)
		}
	}
	c.run(newRig(t, a, b, patience))
}

// installed checks first that handlers get a session: without one, every case would fail for that
// reason.
func installed(r *rig) {
	s := r.serve(setting{routes: Routes{"/": func(x *Exchange) error {
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("the handler has no session: is the middleware installed, and is its request passed on? (%v)", p)
			}
		}()
		x.From()
		return nil
	}}})
	r.wantStatus(s.browser().get("/"), http.StatusOK)
}

// T is the part of a [*testing.T] that the suite needs. Context must end before the functions of
// Cleanup are called.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(f func())
	Context() context.Context
}

var _ T = (*testing.T)(nil)
