package conformance

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/berthgo/berth/core/session"
)

var accesses = []testCase{
	{name: "InnerMiddlewareChangesIt", run: innerChangesAccess},
	{name: "InnerMiddlewareWithoutItChangesNothing", run: innerWithoutAccess},
	{name: "NotOnceTheSessionIsInUse", run: innerAfterUse},
	{name: "InnerMiddlewareMeetsAFailure", run: innerMeetsFailure},
	{name: "ByRule", run: accessByRule},
	{name: "InnerMiddlewareByRule", run: innerAccessByRule},
	{name: "RuleSeesTheRequest", run: ruleSeesRequest},
}

// access answers with how the session is held.
func access(x *Exchange) error { return write(x, x.From().Access().String()) }

// A group of routes needs less than the whole application, or more.
func innerChangesAccess(r *rig) {
	held := r.gate()
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/n": increment, "/show": show("k"), "/more": access, "/none": access,
			"/less": func(x *Exchange) error {
				held.pass()
				return access(x)
			},
		},
		access: map[string]session.Access{"/n": session.ReadOnly, "/more": session.ReadOnly},
		inner: &App{Access: map[string]session.Access{
			"/less": session.ReadOnly, "/n": session.Exclusive, "/more": session.Exclusive, "/none": session.None,
		}},
	})
	b := s.visitor("/set")
	for _, c := range []struct{ path, want string }{
		{"/n", "1"}, {"/n", "2"}, {"/more", "Exclusive"}, {"/none", "None"}, {"/show", "v"},
	} {
		r.wantBody(b.get(c.path), c.want)
		r.wantUnlocked(b.id)
	}
	started := b.also().start("/less")
	held.await()
	r.wantUnlocked(b.id)
	held.open()
	r.wantBody(b.finish(started), "ReadOnly")
	r.wantBody(s.browser().get("/n"), "1") // without a session, too
	if told := s.failures.all(); len(told) > 0 {
		r.Errorf("OnError was told %v", told)
	}
}

func innerWithoutAccess(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/read": access},
		access: map[string]session.Access{"/read": session.ReadOnly},
		inner:  &App{},
	})
	b := s.visitor("/set")
	r.wantBody(b.get("/read"), "ReadOnly")
	r.wantUnlocked(b.id)
}

// What was read before the change would no longer be true after it.
func innerAfterUse(r *rig) {
	for _, own := range []bool{false, true} {
		var ran atomic.Bool
		inner := &App{Access: map[string]session.Access{"/read": session.ReadOnly}}
		if own {
			inner.OnError = func(err error) (int, string) { return http.StatusTeapot, err.Error() }
		}
		s := r.serve(setting{
			routes: Routes{"/set": set("k", "v"), "/show": show("k"), "/read": func(x *Exchange) error {
				ran.Store(true)
				return access(x)
			}},
			inner:   inner,
			between: func(s *session.Session) { s.Has("k") },
		})
		b := s.visitor("/set") // Exclusive is asked for again, and that is no change
		a := b.get("/read")
		if own {
			r.wantStatus(a, http.StatusTeapot)
			if !strings.Contains(a.body, "ReadOnly") {
				r.Errorf("the error does not name the access: %s", a.body)
			}
		} else {
			r.wantStatus(a, http.StatusInternalServerError)
			r.wantError(a)
		}
		r.wantVary(a, "Cookie")
		r.wantUnlocked(b.id)
		if ran.Load() {
			r.Errorf("the handler ran")
		}
		s.wantLogged("in use already", 1, "/read")
		r.wantBody(b.get("/show"), "v")
	}
}

func innerMeetsFailure(r *rig) {
	var s *site
	s = r.serve(setting{
		routes:  Routes{"/set": set("k", "v"), "/show": show("k"), "/n": increment},
		access:  map[string]session.Access{"/n": session.ReadOnly},
		inner:   &App{Access: map[string]session.Access{}},
		between: func(held *session.Session) { s.wire.down.Store(held.Access() == session.ReadOnly) },
	})
	b := s.visitor("/set")
	a := b.get("/n")
	s.wire.down.Store(false)
	r.wantUnavailable(a)
	r.wantVary(a, "Cookie")
	s.wantLogged("session: begin:", 1, "/n")
	r.wantBody(b.get("/show"), "v")
}
