package inspect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

// Every response says that it must not be stored, framed, sniffed or told to others.
func TestHeaders(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	for actions, referrer := range map[bool]string{false: "no-referrer", true: "same-origin"} {
		s := newSite(t, m, inspect.Options{Actions: actions})
		for _, page := range []string{"", "all", "all.json", "stats", "style.css", "other", "of", "session?handle=x", "end-session"} {
			h := s.send(http.MethodGet, page).Header()
			for name, value := range map[string]string{
				"Cache-Control": "no-store", "Referrer-Policy": referrer, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			} {
				if h.Get(name) != value {
					t.Errorf("%q: %s is %q, want %q", page, name, h.Get(name), value)
				}
			}
		}
		wantNot(t, s.page(http.StatusOK, ""), "<script", "style=", "<style", "onclick")
	}
}

// Users have whatever names they like: pages show them, link to them, and end their sessions.
func TestHostilePrincipals(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{MaxBytes: 1 << 20})
	s := newSite(t, m, acting)
	for _, principal := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `../../all`, `a/b?c=d&e=f#g`, `%2e%2e`, `a b+c`,
		"ünï 日本 😀", "\u202egnp.exe", "new\nline\x00", "\xff\xfe", "{shop_x}", "'; DROP", strings.Repeat("x<", 5_000), "{{.}}",
	} {
		id := rig.SignIn(t, m, principal)
		page := with("of", "principal", principal)
		text := s.page(http.StatusOK, page)
		want(t, text, rig.HandleOf(id), link("of", "principal", principal), link("end-all", "principal", principal))
		want(t, s.page(http.StatusOK, with("session", "handle", rig.HandleOf(id))), link("of", "principal", principal))
		for _, text := range []string{text, s.page(http.StatusOK, "all")} {
			wantNot(t, text, "<script", "<img", "\u202e", "\x00", `href="javascript`, "ZgotmplZ")
		}
		want(t, s.post(http.StatusOK, with("end-all", "principal", principal)), "One session has ended")
		if rig.Lives(t, m, id) {
			t.Errorf("the session of %.40q lives", principal)
		}
	}
}

// What is no handle is no page, and is not repeated: it may be an ID.
func TestHostileHandles(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(rig.Tracked())
	id := rig.SignIn(t, m, "ann")
	s := newSite(t, m, acting)
	for _, handle := range []string{
		id, "*", "<script>alert(1)</script>", "../all", "a/b", "日本", strings.ToUpper(rig.HandleOf(id)), rig.HandleOf(id) + " ", "}_Data", "\x00", strings.Repeat("q", 10_000),
	} {
		for _, page := range []string{"session", "end"} {
			wantNot(t, s.page(http.StatusNotFound, with(page, "handle", handle)), handle, url.QueryEscape(handle), "<script")
		}
		for _, action := range []string{"end-session", "replay", "drop"} {
			wantNot(t, s.post(http.StatusNotFound, with(action, "handle", handle)), handle, "<script")
		}
	}
	// An ID in the place of a user is not repeated either.
	wantNot(t, s.page(http.StatusBadRequest, with("of", "principal", id)), id, id[27:])
	for _, cursor := range []string{"zzz/zzz", "<script>", "1/2/3", strings.Repeat("9", 10_000)} {
		wantNot(t, s.page(http.StatusNotFound, with("all", "cursor", cursor)), "<script", cursor)
	}
	if !rig.Lives(t, m, id) {
		t.Error("the session ended")
	}
}

// Names of values are the application's, and may come from a client.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	m := rig.OnMini(t).Manager(session.Options{})
	id := rig.SignIn(t, m, "ann", "<i>name</i>", "v", "\u202etxt", "v", rig.NewID(), "v")
	s := newSite(t, m, inspect.Options{Show: func(_ *http.Request, s *session.Session, name string) (string, bool) {
		text, err := session.Get[string](s, name)
		return text, err == nil
	}})
	page := s.page(http.StatusOK, with("session", "handle", rig.HandleOf(id)))
	want(t, page, "&lt;i&gt;name&lt;/i&gt;", `\u202etxt`, "<pre>v</pre>", ".…")
	wantNot(t, page, "<i>", "\u202e")
}
