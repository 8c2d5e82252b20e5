package conformance

import (
	"net/http"
	"strings"
	"time"

	"github.com/berthgo/berth/core/session"
)

var cookies = []testCase{
	{name: "Attributes", run: cookieAttributes},
	{name: "AttributesByOption", run: cookieByOption},
	{name: "SecureBehindAProxy", run: secureBehindAProxy},
	{name: "SecureOverTLS", run: secureOverTLS},
	{name: "HostPrefixAndPartitioned", run: hostPrefixAndPartitioned},
	{name: "SetOnlyWhenItChanges", run: setOnlyWhenItChanges},
	{name: "CachingHeaders", run: cachingHeaders},
	{name: "Vary", run: varyOfPages},
	{name: "VaryOfErrors", run: varyOfErrors},
	{name: "MaxAgeIsSentAgain", run: maxAgeIsSentAgain},
	{name: "OtherCookiesStay", run: otherCookiesStay},
	{name: "HeaderInPlaceOfACookie", run: headerInPlaceOfACookie},
}

func cookieAttributes(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v")}})
	c := s.browser().get("/set").cookie
	if c == nil {
		r.Fatalf("no cookie")
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.Domain != "" ||
		c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) != len(unknown) {
		r.Errorf("the cookie's attributes are not the defaults: %s", strings.Replace(c.String(), c.Value, "ID", 1))
	}
}

func cookieByOption(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/": show("k"), "/a/set": set("k", "v"), "/a/show": show("k")},
		options: session.Options{Cookie: session.Cookie{
			Name: "sid", Domain: "example.com", Path: "/a", Secure: session.SecureAlways,
			SameSite: session.SameSiteStrict, MaxAge: time.Hour,
		}},
	})
	b := s.browser()
	c := b.get("/a/set").cookie
	if c == nil {
		r.Fatalf("no cookie")
	}
	if c.Name != "sid" || c.Domain != "example.com" || c.Path != "/a" || !c.Secure ||
		c.SameSite != http.SameSiteStrictMode || c.MaxAge != 3600 || !c.HttpOnly {
		r.Errorf("the cookie's attributes are not the options: %s", strings.Replace(c.String(), c.Value, "ID", 1))
	}
	r.wantBody(b.get("/a/show"), "v")
}

func secureBehindAProxy(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": set("k", "v")}})
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"X-Forwarded-Proto", "https", true},
		{"X-Forwarded-Proto", "https, http", true},
		{"X-Forwarded-Proto", "http", false},
		{"Forwarded", `for=192.0.2.60;proto=https;by=203.0.113.43`, true},
		{"Forwarded", `for=192.0.2.60;proto=http`, false},
	} {
		if cookie := s.browser().get("/set", c.name, c.value).cookie; cookie == nil || cookie.Secure != c.want {
			r.Errorf("with %s: %s, the cookie is not right", c.name, c.value)
		}
	}
}

func secureOverTLS(r *rig) {
	s := r.serve(setting{routes: Routes{"/increment": increment}, tls: true})
	b := s.browser()
	if c := b.get("/increment").cookie; c == nil || !c.Secure {
		r.Errorf("over TLS, the cookie is not Secure")
	}
	r.wantBody(b.get("/increment"), "2")
}

func hostPrefixAndPartitioned(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/increment": increment},
		options: session.Options{Cookie: session.Cookie{HostPrefix: true, Partitioned: true, SameSite: session.SameSiteNone}},
	})
	b := s.browser()
	c := b.get("/increment").cookie
	if c == nil {
		r.Fatalf("no cookie of the name __Host-session")
	}
	if !c.Secure || !c.Partitioned || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteNoneMode {
		r.Errorf("browsers would refuse this cookie: %s", strings.Replace(c.String(), c.Value, "ID", 1))
	}
	r.wantBody(b.get("/increment"), "2")
}

func setOnlyWhenItChanges(r *rig) {
	s := r.serve(setting{
		routes: Routes{"/set": set("k", "v"), "/change": set("k", "w"), "/show": show("k"), "/read": show("k")},
		access: map[string]session.Access{"/read": session.ReadOnly},
	})
	b := s.visitor("/set")
	for _, path := range []string{"/show", "/read", "/change", "/show"} {
		r.wantNoCookie(b.get(path))
	}
}

// forCaches are headers that make some caches keep a response, whatever Cache-Control says.
var forCaches = []string{"CDN-Cache-Control", "Surrogate-Control", "Expires"}

func cachingHeaders(r *rig) {
	cached := func(h Handler) Handler {
		return func(x *Exchange) error {
			x.W.Header().Set("Cache-Control", "public, max-age=60")
			for _, name := range forCaches {
				x.W.Header().Set(name, "max-age=60")
			}
			return h(x)
		}
	}
	s := r.serve(setting{routes: Routes{"/set": cached(set("k", "v")), "/show": cached(show("k")), "/logout": cached(logOut)}})
	b := s.browser()
	for _, c := range []struct{ path, want string }{
		{"/show", "public, max-age=60"}, // no session at all
		{"/set", "no-store"},
		{"/show", "public, max-age=60"},
		{"/logout", "no-store"},
	} {
		a := b.get(c.path)
		if got := a.header.Values("Cache-Control"); len(got) != 1 || got[0] != c.want {
			r.Errorf("Cache-Control of %s is %q, want %q", c.path, got, c.want)
		}
		for _, name := range forCaches {
			if got := a.header.Get(name); (got == "") != (c.want == "no-store") {
				r.Errorf("%s of %s is %q", name, c.path, got)
			}
		}
	}
}

func maxAgeIsSentAgain(r *rig) {
	s := r.serve(setting{
		routes:  Routes{"/set": set("k", "v"), "/show": show("k"), "/read": show("k")},
		access:  map[string]session.Access{"/read": session.ReadOnly},
		options: session.Options{Timeout: 24 * time.Hour, Cookie: session.Cookie{MaxAge: 10 * time.Hour}},
	})
	b := s.visitor("/set")
	old := b.id
	r.pass(50 * time.Minute)
	r.wantNoCookie(b.get("/show"))
	r.pass(15 * time.Minute)
	for i, path := range []string{"/show", "/read", "/read"} { // also to a visitor who only reads
		before := s.wire.trips.Load()
		if c := b.get(path).cookie; c == nil || c.MaxAge != 36000 || c.Value != old {
			r.Errorf("%s: after a tenth of its age the cookie was not sent again", path)
		}
		if n := s.wire.trips.Load() - before; i == 2 && n != 2 { // by then, Redis has the scripts
			r.Errorf("%s: %d round trips, want 2", path, n)
		}
		for _, path := range []string{"/show", "/read"} {
			r.wantNoCookie(b.get(path))
		}
		r.pass(65 * time.Minute)
	}
}

func otherCookiesStay(r *rig) {
	s := r.serve(setting{routes: Routes{"/set": func(x *Exchange) error {
		x.W.Header().Add("Set-Cookie", "theme=dark")
		x.W.Header().Add("Set-Cookie", "lang=en")
		x.From().Set("k", "v")
		return write(x, "done")
	}}})
	a := s.browser().get("/set", "Cookie", "a=1; b=2")
	if got := a.header.Values("Set-Cookie"); len(got) != 3 || a.cookie == nil {
		r.Errorf("the response sets %d cookies, want 3", len(got))
	}
}

func headerInPlaceOfACookie(r *rig) {
	s := r.serve(setting{routes: Routes{"/increment": increment}, options: session.Options{Header: "X-Session"}})
	a := s.browser().get("/increment")
	id := a.header.Get("X-Session")
	r.wantNoCookie(a)
	if id == "" {
		r.Fatalf("the response has no X-Session")
	}
	r.wantBody(s.browser().get("/increment", "X-Session", id), "2")
	b := s.browser()
	b.id = id
	r.wantBody(b.get("/increment"), "1") // the cookie is ignored
}
