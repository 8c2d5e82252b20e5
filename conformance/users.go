package conformance

import (
	"net/http"
	"strings"
	"time"

	"github.com/berthgo/berth/core/session"
)

var users = []testCase{
	{name: "Remember", run: remember},
	{name: "PeekKeepsNothingAlive", run: peekKeepsNothingAlive},
	{name: "SeenOnce", run: seenOnce},
	{name: "TooManySessions", run: tooManySessions},
}

// A user who is remembered has a cookie and a session that outlive the browser. Others do not.
func remember(r *rig) {
	const week = 7 * 24 * time.Hour
	s := r.serve(setting{routes: Routes{
		"/set": set("k", "v"), "/who": who, "/rotate": rotate, "/logout": logOut,
		"/login": func(x *Exchange) error {
			x.From().Remember(week)
			return logIn(x)
		},
		"/forget": func(x *Exchange) error {
			x.From().Remember(0)
			return nil
		},
	}})
	wantAge := func(what string, a answer, want time.Duration) {
		if a.cookie == nil || a.cookie.MaxAge != int(want/time.Second) {
			r.Errorf("%s: the cookie does not have an age of %v", what, want)
		}
	}
	wantAge("another visitor", s.browser().get("/set"), 0)
	b := s.browser()
	wantAge("sign-in", b.get("/login"), week)
	r.pass(6 * 24 * time.Hour)
	a := b.get("/who")
	r.wantBody(a, "Ann")
	wantAge("sent again", a, week)
	wantAge("rotation", b.get("/rotate"), week)
	wantAge("taken back", b.get("/forget"), 0)
	r.pass(time.Hour)
	r.wantBody(b.get("/who"), "")
	b.get("/login")
	if a := b.get("/logout"); a.cookie == nil || a.cookie.MaxAge >= 0 {
		r.Errorf("the logout does not delete the cookie")
	}
}

// A page that looks again and again must not keep anybody signed in.
func peekKeepsNothingAlive(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/login": logIn, "/poll": who, "/left": func(x *Exchange) error {
			return write(x, x.From().TimeLeft().Round(time.Minute).String())
		}},
		access: map[string]session.Access{"/poll": session.Peek, "/left": session.Peek},
	})
	b := s.browser()
	b.get("/login")
	r.pass(15 * time.Minute)
	r.wantBody(b.get("/poll"), "Ann")
	r.wantBody(b.get("/left"), "5m0s")
	r.pass(6 * time.Minute)
	a := b.get("/poll")
	r.wantBody(a, "")
	r.wantNoCookie(a)
}

func seenOnce(r *rig) {
	const flash session.Key[[]string] = "flash"
	s := r.serve(setting{routes: Routes{
		"/save": func(x *Exchange) error {
			flash.Set(x.From(), append(flash.GetOr(x.From(), nil), "saved"))
			return nil
		},
		"/": func(x *Exchange) error { return write(x, strings.Join(flash.Pop(x.From()), " ")) },
	}})
	b := s.browser()
	b.get("/save")
	b.get("/save")
	r.wantBody(b.get("/"), "saved saved")
	r.wantBody(b.get("/"), "")
}

// At the limit a sign-in is refused. Nothing of the request is saved, and nobody else is signed out.
func tooManySessions(r *rig) {
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"), "/who": who, "/logout": logOut,
			"/login": func(x *Exchange) error {
				x.From().Set("k", "w")
				return logIn(x)
			},
		},
		options: session.Options{MaxPerPrincipal: 1, RefuseOverLimit: true},
	})
	first, second := s.browser(), s.visitor("/set")
	r.wantStatus(first.get("/login"), http.StatusOK)
	a := second.get("/login")
	r.wantStatus(a, http.StatusConflict)
	r.wantNoCookie(a)
	r.wantUnlocked(second.id)
	r.wantBody(second.get("/who"), "")
	r.wantBody(second.get("/show"), "v")
	r.wantBody(first.get("/who"), "Ann")
	first.get("/logout")
	r.wantStatus(second.get("/login"), http.StatusOK)
	r.wantBody(second.get("/who"), "Ann")
}
