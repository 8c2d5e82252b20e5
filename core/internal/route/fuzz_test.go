package route_test

import (
	"path"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/internal/route"
)

// A request of any method, host and path has a rule or none, and no way of writing the method or the host
// leads around the rule for all methods of a path.
func FuzzFind(f *testing.F) {
	table := route.New(map[string]string{"/admin/": "admin", "GET /": "all", "POST /cart/{id}": "cart", "a.test/x": "host"})
	for _, c := range [][4]string{
		{"GET", "a.test", "/admin/x", ""},
		{"HEAD", "", "/", ""},
		{"CONNECT", "a.test:80", "/admin/../x", ""},
		{"post", "[::1", "/cart/%2F", "/cart/%2F"},
		{"", "", "", ""},
		{"GET /", "a b", "*", "*"},
		{"POST", "a.test", "//admin/", "/%2Fadmin/"},
	} {
		f.Add(c[0], c[1], c[2], c[3])
	}
	f.Fuzz(func(t *testing.T, method, host, at, raw string) {
		of, found := table.Find(method, host, at, raw)
		if !found && of != "" {
			t.Errorf("%q %q %q: %q was not found", method, host, at, of)
		}
		if raw == "" && strings.HasPrefix(at, "/admin/") && path.Clean(at) == at && of != "admin" {
			t.Errorf("%q %q %q: the rule is %q", method, host, at, of)
		}
	})
}
