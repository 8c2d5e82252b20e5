package conformance

import (
	"net/http"

	"github.com/berthgo/berth/core/session"
)

var roundTrips = []testCase{
	{name: "Counted", run: countedTrips},
	{name: "CommitTwiceCostsOnce", run: commitTwice},
}

func countedTrips(r *rig) {
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"), "/change": increment,
			"/read": show("k"), "/none": show("k"),
			"/shared": show("k"), "/share": increment,
			"/panic": func(*Exchange) error { panic("a handler's own") },
		},
		access: map[string]session.Access{
			"/read": session.ReadOnly, "/none": session.None, "/shared": session.Shared, "/share": session.Shared,
		},
	})
	b := s.visitor("/set")
	for _, path := range []string{"/show", "/read", "/share", "/panic"} {
		_ = b.try(path) // now Redis has the scripts
	}
	fresh := s.browser
	known := b.also
	two := func() *browser {
		other := b.also()
		other.id = unknown + "; " + s.cookie + "=" + b.id
		return other
	}
	_ = two().try("/show")
	for _, c := range []struct {
		what string
		from func() *browser
		path string
		want int64
	}{
		{"no cookie", fresh, "/show", 0},
		{"no cookie, ReadOnly", fresh, "/read", 0},
		{"a new session", fresh, "/set", 1},
		{"None", known, "/none", 0},
		{"ReadOnly", known, "/read", 1},
		{"Shared", known, "/shared", 1},
		{"Shared, changed", known, "/share", 2},
		{"Exclusive", known, "/show", 2},
		{"Exclusive, changed", known, "/change", 2},
		{"Exclusive, panicked", known, "/panic", 2},
		{"two cookies, None", two, "/none", 0},
		{"two cookies, ReadOnly", two, "/read", 2},
		{"two cookies, Exclusive", two, "/show", 3},
	} {
		before := s.wire.trips.Load()
		_ = c.from().try(c.path)
		if n := s.wire.trips.Load() - before; n != c.want {
			r.Errorf("%s: %d round trips, want %d", c.what, n, c.want)
		}
	}
}

// A handler may call Commit itself, to see the error. Then the middleware only has to send the
// cookie.
func commitTwice(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/commit": func(x *Exchange) error {
		x.From().Set("k", "w")
		for range 2 {
			if err := x.From().Commit(x.R.Context()); err != nil {
				return err
			}
		}
		return write(x, "done")
	}}})
	b := s.visitor("/set")
	b.get("/commit")
	before := s.wire.trips.Load()
	a := b.get("/commit")
	r.wantStatus(a, http.StatusOK)
	if n := s.wire.trips.Load() - before; n != 2 {
		r.Errorf("%d round trips, want 2", n)
	}
	r.wantBody(b.get("/show"), "w")

	fresh := s.browser()
	fresh.get("/commit")
	r.wantBody(fresh.get("/show"), "w")
}
