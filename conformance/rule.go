package conformance

import (
	"net/http"
	"strings"
	"sync"

	"github.com/berthgo/berth/core/session"
)

// byRoute is a rule with one pattern for each access. It is for routes that [access] answers.
var byRoute = map[string]session.Access{
	"GET /": session.ReadOnly, "/static/": session.None, "GET /upload/{id}": session.Shared, "/change": session.Exclusive,
}

var ruled = []struct{ path, want string }{
	{"/page", "ReadOnly"}, {"/static/logo", "None"}, {"/upload/7", "Shared"}, {"/change", "Exclusive"},
}

func accessRoutes() Routes {
	routes := Routes{"/n": increment}
	for _, c := range ruled {
		routes[c.path] = access
	}
	return routes
}

func accessByRule(r *rig) {
	visitor := r.serve(setting{routes: Routes{"/set": set("k", "v")}}).visitor("/set")
	b := r.serve(setting{routes: accessRoutes(), rule: session.ByRoute(byRoute)}).as(visitor)
	for _, c := range ruled {
		r.wantBody(b.get(c.path), c.want)
		r.wantUnlocked(b.id)
	}
	b = r.serve(setting{routes: accessRoutes(), rule: session.Always(session.Shared)}).as(visitor)
	r.wantBody(b.get("/change"), "Shared")
}

func innerAccessByRule(r *rig) {
	s := r.serve(setting{
		routes: accessRoutes(),
		access: map[string]session.Access{"/change": session.ReadOnly},
		inner:  &App{Rule: session.ByRoute(byRoute)},
	})
	b := s.as(r.serve(setting{routes: Routes{"/set": set("k", "v")}}).visitor("/set"))
	for _, c := range ruled {
		r.wantBody(b.get(c.path), c.want)
		r.wantUnlocked(b.id)
	}
	if told := s.failures.all(); len(told) > 0 {
		r.Errorf("OnError was told %v", told)
	}
}

// A rule of the application's own sees the request as the client has sent it.
func ruleSeesRequest(r *rig) {
	for _, inner := range []bool{false, true} {
		var mu sync.Mutex
		var seen []session.Request
		rule := func(q session.Request) session.Access {
			mu.Lock()
			defer mu.Unlock()
			q.Headers = http.Header{"X-Test": q.Headers.Values("X-Test")}
			seen = append(seen, q)
			return session.Exclusive
		}
		c := setting{routes: accessRoutes(), rule: rule}
		if inner {
			c.rule, c.inner = nil, &App{Rule: rule}
		}
		s := r.serve(c)
		s.browser().get("/page?q=1", "X-Test", "one")
		s.browser().get("/change") // which must not write over the first
		mu.Lock()
		if len(seen) != 2 {
			r.Fatalf("the rule was asked %d times, want once for each request", len(seen))
		}
		q := seen[0]
		mu.Unlock()
		if q.Method != http.MethodGet || q.Path != "/page" || q.Host != s.addr || strings.Join(q.Headers.Values("X-Test"), ",") != "one" {
			r.Errorf("the rule sees %s %s of %s, with %v", q.Method, q.Path, q.Host, q.Headers)
		}
	}
}
