package session

import (
	"fmt"

	"github.com/berthgo/berth/core/internal/route"
)

// Rule says how a request holds its session. [Always] and [ByRoute] make one, and any function of
// this type is one. Middlewares call it once for each request, in the goroutine of that request. So
// it must be safe for concurrent use.
type Rule func(r Request) Access

// Always returns the rule that gives every request the same access. It panics if there is no such
// access.
func Always(access Access) Rule {
	if !access.valid() {
		panic(fmt.Sprintf("session: Always(%v): it must be Exclusive, Shared, ReadOnly, Peek or None", access))
	}
	return func(Request) Access { return access }
}

// ByRoute returns the rule that gives each request the access of the pattern that matches it:
//
//	session.ByRoute(map[string]session.Access{
//		"GET /":             session.ReadOnly,
//		"/static/":          session.None,
//		"POST /upload/{id}": session.Shared,
//	})
//
// Patterns are written as for [http.ServeMux]. GET matches HEAD too, and "/" at the end matches all
// paths below. If several match, the one with the most specific path counts: GET /static/logo is
// None above. If the paths are equal, the one with a method counts.
//
// What no pattern matches is [Exclusive]. That includes paths that a ServeMux redirects, such as
// "/static" and "/static//x" above. Letters match in their own case only, whatever the framework
// does.
//
// ByRoute panics if a pattern is wrong, if two patterns match the same requests and neither path is
// more specific, or if there is no such access. It copies routes.
func ByRoute(routes map[string]Access) Rule {
	for pattern, access := range routes {
		if !access.valid() {
			panic(fmt.Sprintf("session: ByRoute: %q has %v: it must be Exclusive, Shared, ReadOnly, Peek or None", pattern, access))
		}
	}
	table := newTable(routes)
	return func(r Request) Access {
		if access, found := table.Find(r.Method, r.Host, r.Path, r.RawPath); found {
			return access
		}
		return Exclusive
	}
}

// newTable panics with a message that names the function to look at.
func newTable(routes map[string]Access) *route.Table[Access] {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("session: ByRoute: %v", p))
		}
	}()
	return route.New(routes)
}
