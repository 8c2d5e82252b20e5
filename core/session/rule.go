package session

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
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
	var table routeTable
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		table = append(table, newRoute(pattern, routes[pattern]))
	}
	muxes := make(map[string]*http.ServeMux)
	for _, r := range table {
		if muxes[r.method] == nil {
			muxes[r.method] = table.mux(r.method)
		}
	}
	others := table.mux("")
	return func(r Request) Access {
		mux := muxes[r.Method]
		if mux == nil && r.Method == http.MethodHead {
			mux = muxes[http.MethodGet]
		}
		if mux == nil {
			mux = others
		}
		h, _ := mux.Handler(&http.Request{
			Method: r.Method, Host: r.Host, URL: &url.URL{Path: r.Path, RawPath: r.RawPath},
		})
		if one, ok := h.(*route); ok {
			return one.access
		}
		return Exclusive // also where the mux has a handler of its own, for a redirect or a 404
	}
}

// route is a pattern of [ByRoute]. A mux keeps it as a handler, which nobody calls.
type route struct {
	method string // "" for all
	path   string // with the host, if there is one
	access Access
}

var _ http.Handler = (*route)(nil)

func (*route) ServeHTTP(http.ResponseWriter, *http.Request) {}

// newRoute panics if the pattern is wrong.
func newRoute(pattern string, access Access) *route {
	if !access.valid() {
		panic(fmt.Sprintf("session: ByRoute: %q has %v: it must be Exclusive, Shared, ReadOnly, Peek or None", pattern, access))
	}
	if pattern == "" {
		panic(`session: ByRoute: a pattern is "": for all paths, write "/"`)
	}
	r := &route{path: pattern, access: access}
	handle(http.NewServeMux(), pattern, r) // which reads the pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		r.method, r.path = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	return r
}

// handle panics with a message that names the function to look at.
func handle(mux *http.ServeMux, pattern string, r *route) {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("session: ByRoute: %v", p))
		}
	}()
	mux.Handle(pattern, r)
}

type routeTable []*route

// mux returns a mux for the requests of one method. A ServeMux for all methods refuses "GET /" beside
// "/static/", because it does not know whether the method or the path is to count.
func (t routeTable) mux(method string) *http.ServeMux {
	mux := http.NewServeMux()
	before := make(map[string]string) // which method a path was taken for
	for _, tier := range slices.Compact([]string{method, headAsGet(method), ""}) {
		for _, r := range t {
			if r.method != tier {
				continue
			}
			shape := shapeOf(r.path)
			if taken, ok := before[shape]; ok && taken != tier {
				continue
			}
			before[shape] = tier
			handle(mux, strings.TrimLeft(method+" "+r.path, " "), r)
		}
	}
	return mux
}

// headAsGet is the method whose patterns a method matches too.
func headAsGet(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}

// wildcards are those of a pattern, without "{$}". Their names do not matter.
var wildcards = regexp.MustCompile(`\{[^{}$.]*(\.\.\.)?\}`)

// shapeOf returns the same for paths that match the same requests.
func shapeOf(path string) string {
	shape := wildcards.ReplaceAllString(path, "{$1}")
	if strings.HasSuffix(shape, "/") {
		shape += "{...}"
	}
	return shape
}
