package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
)

func ExampleByRoute() {
	rule := session.ByRoute(map[string]session.Access{
		"GET /":             session.ReadOnly,
		"/static/":          session.None,
		"POST /upload/{id}": session.Shared,
	})
	fmt.Println(rule(session.Request{Method: "GET", Path: "/cart"}))
	fmt.Println(rule(session.Request{Method: "GET", Path: "/static/logo.svg"}))
	fmt.Println(rule(session.Request{Method: "POST", Path: "/upload/7"}))
	fmt.Println(rule(session.Request{Method: "POST", Path: "/cart"}))
	// Output:
	// ReadOnly
	// None
	// Shared
	// Exclusive
}

func TestByRoute(t *testing.T) {
	t.Parallel()
	routes := map[string]session.Access{
		"GET /": session.ReadOnly, "/static/": session.None, "POST /upload/{id}": session.Shared,
		"/exact/{$}": session.None, "admin.example/": session.Shared, "GET /exact/{$}": session.Shared,
		"/mine/{x}/": session.None, "GET /mine/{y}/{z...}": session.Shared, "HEAD /mine/{y}/": session.ReadOnly,
	}
	rule := session.ByRoute(routes)
	clear(routes) // it was copied
	for _, c := range []struct {
		method, target, raw string
		want                session.Access
	}{
		{"GET", "/", "", session.ReadOnly},
		{"HEAD", "/any/thing", "", session.ReadOnly},
		{"POST", "/", "", session.Exclusive},
		{"POST", "/upload/7", "", session.Shared},
		{"POST", "/upload/7/8", "", session.Exclusive},
		{"GET", "/upload/7", "", session.ReadOnly},
		{"PUT", "/upload/7", "", session.Exclusive},   // for which a mux has a 405
		{"POST", "/static", "", session.Exclusive},    // for which a mux has a redirect
		{"POST", "/static//x", "", session.Exclusive}, // the same
		{"POST", "/static/../upload", "", session.Exclusive},
		{"POST", "/static/a/b", "", session.None},
		{"POST", "/Static/a", "", session.Exclusive},
		{"GET", "/static/a/b", "", session.None}, // a more specific path than that of GET /
		{"HEAD", "/static/a/b", "", session.None},
		{"POST", "/exact/", "", session.None},
		{"GET", "/exact/", "", session.Shared}, // of equal paths, that with a method
		{"PUT", "/mine/a/", "", session.None},
		{"GET", "/mine/a/b", "", session.Shared},
		{"HEAD", "/mine/a/b", "", session.ReadOnly},
		{"HEAD", "/exact/", "", session.Shared}, // HEAD has patterns of its own, and those of GET
		{"POST", "/exact/x", "", session.Exclusive},
		{"POST", "/static/x", "/static%2Fx", session.Exclusive}, // one segment, which is not static
		{"POST", "/upload/7/8", "/upload/7%2F8", session.Shared},
		{"", "", "", session.Exclusive},
		{"OPTIONS", "*", "", session.Exclusive},
		{"GET", "/%zz", "", session.ReadOnly},
	} {
		r := session.Request{Method: c.method, Path: c.target, RawPath: c.raw, Host: "127.0.0.1:8080"}
		if got := rule(r); got != c.want {
			t.Errorf("%s %q %q is %v, want %v", c.method, c.target, c.raw, got, c.want)
		}
	}
	if got := rule(session.Request{Method: "POST", Path: "/x", Host: "admin.example:8080"}); got != session.Shared {
		t.Errorf("the pattern of a host gives %v", got)
	}
	if got := session.ByRoute(nil)(session.Request{Method: "GET", Path: "/"}); got != session.Exclusive {
		t.Errorf("without a pattern it is %v", got)
	}
}

func TestAlways(t *testing.T) {
	t.Parallel()
	if got := session.Always(session.Shared)(session.Request{Method: "GET", Path: "/"}); got != session.Shared {
		t.Errorf("it is %v", got)
	}
}

// A rule that cannot work is found when the program starts.
func TestRulePanics(t *testing.T) {
	t.Parallel()
	byRoute := func(routes map[string]session.Access) func() {
		return func() { session.ByRoute(routes) }
	}
	for want, make := range map[string]func(){
		`session: ByRoute: parsing "GET": `:                byRoute(map[string]session.Access{"GET": session.None}),
		`session: ByRoute: a pattern is "": `:              byRoute(map[string]session.Access{"": session.None}),
		`session: ByRoute: parsing "G:T /": `:              byRoute(map[string]session.Access{"G:T /": session.None}),
		`session: ByRoute: pattern "/{b}/x" `:              byRoute(map[string]session.Access{"/a/{x}": session.None, "/{b}/x": session.None}),
		`session: ByRoute: pattern "GET /a/{x}" `:          byRoute(map[string]session.Access{"/a/{x}": session.None, "GET /{b}/x": session.None}),
		`session: ByRoute: pattern "GET /{b}" `:            byRoute(map[string]session.Access{"GET /{a}": session.None, "GET /{b}": session.None}),
		`session: ByRoute: "/a" has Access(9): it must be`: byRoute(map[string]session.Access{"/a": 9}),
		`session: Always(Access(-1)): it must be`:          func() { session.Always(-1) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, want) {
					t.Errorf("the panic says %q, want %s…", got, want)
				}
			}()
			make()
		}()
	}
}

// The price of a rule is small, but it is paid by every request.
func BenchmarkByRoute(b *testing.B) {
	rule := session.ByRoute(map[string]session.Access{"GET /": session.ReadOnly, "/static/": session.None})
	b.ReportAllocs()
	for b.Loop() {
		rule(session.Request{Method: "GET", Path: "/cart", Host: "127.0.0.1:8080"})
	}
}
