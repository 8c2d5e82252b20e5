package conformance

import (
	"net/http"
	"strings"
	"time"

	"github.com/berthgo/berth/core/session"
)

var hostile = []testCase{
	{name: "MalformedID", run: malformedID},
	{name: "OversizedCookie", run: oversizedCookie},
	{name: "DuplicateCookies", run: duplicateCookies},
	{name: "NamelessCookie", run: namelessCookie},
	{name: "DeadCookieBeforeTheLiveOne", run: deadCookieFirst},
	{name: "UnknownIDIsNotAdopted", run: unknownIDIsNotAdopted},
	{name: "ExpiredIDIsNotAdopted", run: expiredIDIsNotAdopted},
}

// unknown has the form of an ID.
const unknown = "aaaabbbbccccddddeeeeffff22.gggghhhhiiiijjjjkkkkllll33"

func malformedID(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/set": set("k", "v")}})
	for _, value := range []string{
		"", "x", "*", "..", "undefined", "%00", `"`, "a b", "=====",
		strings.ToUpper(unknown), unknown + "a", unknown[1:], unknown[1:] + "1", unknown[1:] + "*", unknown[1:] + "\xff",
		"{" + unknown[2:] + "}", `\"` + unknown + `\"`,
		handleOf(unknown), handleOf(unknown) + ".", strings.Replace(unknown, ".", "a", 1), strings.Replace(unknown, ".", "..", 1),
	} {
		a := s.browser().get("/show", "Cookie", "session="+value)
		r.wantStatus(a, http.StatusOK)
		r.wantBody(a, "-")
		r.wantNoCookie(a)
	}
	if n := s.wire.trips.Load(); n != 0 {
		r.Errorf("%d round trips, want 0", n)
	}
	a := s.browser().get("/set", "Cookie", "session=../../etc/passwd")
	if a.cookie == nil || len(a.cookie.Value) != len(unknown) {
		r.Errorf("a malformed ID kept a session from being made")
	}
}

func oversizedCookie(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/set": set("k", "v")}})
	long := strings.Repeat("a", 3000)
	a := s.browser().get("/show", "Cookie", "session="+long)
	r.wantStatus(a, http.StatusOK)
	r.wantNoCookie(a)
	if n := s.wire.trips.Load(); n != 0 {
		r.Errorf("%d round trips, want 0", n)
	}
	b := s.visitor("/set")
	r.wantBody(s.browser().get("/show", "Cookie", "other="+long+"; session="+b.id), "v")
}

func duplicateCookies(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/set": set("k", "v"), "/other": set("k", "other")}})
	mine, other := s.visitor("/set").id, s.visitor("/other").id
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"session=" + mine + "; session=" + other}, "v"},
		{[]string{"session=" + other + "; session=" + mine}, "other"},
		{[]string{"session=; session=nonsense; session=" + mine}, "v"},
		{[]string{"session=nonsense", "session=" + mine}, "v"},
		{[]string{"xsession=" + other + "; session=" + mine + "; sessionx=" + other}, "v"},
		{[]string{"a=1;session=" + mine + ";b=2"}, "v"},
		{[]string{`session="` + mine + `"`}, "v"},
		{[]string{"SESSION=" + mine}, "-"}, // names are case-sensitive
	} {
		var header []string
		for _, line := range c.lines {
			header = append(header, "Cookie", line)
		}
		r.wantBody(s.browser().get("/show", header...), c.want)
	}
}

// Browsers let a neighbour host set a cookie without a name, whose value begins with the name of
// another cookie. It must not count as that cookie, whatever has read cookies before.
func namelessCookie(r *rig) {
	for _, options := range []session.Options{{}, {Cookie: session.Cookie{HostPrefix: true}}} {
		for _, reads := range []bool{false, true} {
			s := r.serve(setting{
				routes:  Routes{"/show": show("k"), "/set": set("k", "v"), "/evil": set("k", "evil")},
				options: options, readsCookies: reads,
			})
			mine, evil := s.cookie+"="+s.visitor("/set").id, s.cookie+"="+s.visitor("/evil").id
			for _, c := range []struct{ line, want string }{
				{"=" + evil, "-"},
				{"theme=dark; =" + evil + "; lang=en", "-"},
				{" = " + evil, "-"},
				{"=" + evil + "; " + mine, "v"},
				{mine + "; =" + evil, "v"},
				{"theme=dark; " + mine, "v"},
			} {
				r.wantBody(s.browser().get("/show", "Cookie", c.line), c.want)
			}
			r.wantBody(s.browser().get("/show", "Cookie", "="+evil, "Cookie", mine), "v")
		}
	}
}

// After a change of Cookie.Domain or Path a browser has two cookies of the name. It sends them in any
// order, and the dead one for as long as it has it.
func deadCookieFirst(r *rig) {
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"), "/rotate": rotate, "/logout": logOut, "/login": logIn,
			"/who": who, "/read": show("k"),
		},
		access: map[string]session.Access{"/read": session.ReadOnly},
	})
	for name, dead := range map[string]func(live *browser) (id string){
		"unknown": func(*browser) string { return unknown },
		"logged out": func(*browser) string {
			b := s.visitor("/set")
			id := b.id
			b.get("/logout")
			return id
		},
		"ended": func(*browser) string {
			id := s.visitor("/set").id
			if err := s.m.End(r.Context(), id); err != nil {
				r.Errorf("End: %v", err)
			}
			return id
		},
		"rotated": func(live *browser) string {
			old := live.id
			live.get("/rotate")
			return old
		},
	} {
		live := s.visitor("/set")
		old := dead(live)
		both := func(path string) answer {
			return s.browser().get(path, "Cookie", "session="+old+"; session="+live.id)
		}
		for _, path := range []string{"/show", "/read"} {
			a := both(path)
			r.wantBody(a, "v")
			r.wantNoCookie(a)
		}
		a := both("/login")
		if a.cookie == nil || handleOf(a.cookie.Value) != handleOf(live.id) {
			r.Errorf("%s: the login was not that of the live session", name)
		}
		live.keep(a.cookie)
		r.wantBody(both("/who"), "Ann")
	}
}

// A server that takes any ID lets an attacker choose the victim's.
func unknownIDIsNotAdopted(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/set": set("k", "v")}})
	attacker := s.browser()
	attacker.id = unknown
	r.wantNoCookie(attacker.get("/show"))
	r.wantUnlocked(unknown)
	victim := attacker.also()
	if victim.get("/set"); victim.id == unknown {
		r.Errorf("the session got the ID that the client had chosen")
	}
	r.wantBody(attacker.get("/show"), "-")
	r.wantStored(unknown, "k", "")
	for _, key := range r.keys() {
		if strings.Contains(key, handleOf(unknown)) {
			r.Errorf("Redis has a key of the ID that the client had chosen")
		}
	}
}

func expiredIDIsNotAdopted(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/show": show("k"), "/set": set("k", "v")},
		options: session.Options{Timeout: time.Hour},
	})
	b := s.visitor("/set")
	old := b.id
	r.pass(2 * time.Hour)
	b.get("/set")
	if b.id == old {
		r.Errorf("the session got the ID of an expired one")
	}
	r.wantStored(old, "k", "")
}
