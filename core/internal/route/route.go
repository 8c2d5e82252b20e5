package route

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Table says which pattern matches a request. It is safe for concurrent use.
type Table[T any] struct {
	byMethod map[string]*http.ServeMux
	others   *http.ServeMux
}

// New makes a table of patterns, and of what each is for. It panics if a pattern is wrong, or if two
// match the same requests and neither path is more specific. It copies routes.
func New[T any](routes map[string]T) *Table[T] {
	var all list[T]
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		all = append(all, newRoute(pattern, routes[pattern]))
	}
	t := &Table[T]{byMethod: make(map[string]*http.ServeMux), others: all.mux("")}
	for _, r := range all {
		if t.byMethod[r.method] == nil {
			t.byMethod[r.method] = all.mux(r.method)
		}
	}
	return t
}

// Find returns what the pattern of a request is for, and whether there is one. A path that a ServeMux
// redirects has none.
func (t *Table[T]) Find(method, host, path, rawPath string) (of T, found bool) {
	mux := t.byMethod[method]
	if mux == nil && method == http.MethodHead {
		mux = t.byMethod[http.MethodGet]
	}
	if mux == nil {
		mux = t.others
	}
	h, _ := mux.Handler(&http.Request{Method: method, Host: host, URL: &url.URL{Path: path, RawPath: rawPath}})
	one, found := h.(*route[T])
	if found {
		of = one.of
	}
	return of, found
}

// route is a pattern. A mux keeps it as a handler, which nobody calls.
type route[T any] struct {
	method string // "" for all
	path   string // with the host, if there is one
	of     T
}

func (*route[T]) ServeHTTP(http.ResponseWriter, *http.Request) {}

// newRoute panics if the pattern is wrong.
func newRoute[T any](pattern string, of T) *route[T] {
	if pattern == "" {
		panic(`a pattern is "": for all paths, write "/"`)
	}
	r := &route[T]{path: pattern, of: of}
	http.NewServeMux().Handle(pattern, r) // which reads the pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		r.method, r.path = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	return r
}

type list[T any] []*route[T]

// mux returns a mux for the requests of one method. A ServeMux for all methods refuses "GET /" beside
// "/static/", because it does not know whether the method or the path is to count.
func (all list[T]) mux(method string) *http.ServeMux {
	mux := http.NewServeMux()
	before := make(map[string]string) // which method a path was taken for
	for _, tier := range slices.Compact([]string{method, headAsGet(method), ""}) {
		for _, r := range all {
			if r.method != tier {
				continue
			}
			shape := shapeOf(r.path)
			if taken, ok := before[shape]; ok && taken != tier {
				continue
			}
			before[shape] = tier
			mux.Handle(strings.TrimLeft(method+" "+r.path, " "), r)
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
