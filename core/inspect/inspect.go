package inspect

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/berthgo/berth/core/session"
)

// Options change what the inspector does. The zero value shows sessions, no values, and changes nothing.
type Options struct {
	// Title stands at the top of each page, such as the name of the application. Defaults to "Sessions".
	Title string

	// Actions lets operators end sessions, and replay and drop ends that are kept aside. Defaults to false: a
	// POST is 403.
	Actions bool

	// Show returns what an operator may see of the value under name, as text, and whether they may see it at
	// all. [session.Get] reads the value from s. Requests call it at the same time, once for each of at most
	// 1,000 values. The inspector escapes the text. Defaults to nil: no value is loaded or shown.
	Show func(r *http.Request, s *session.Session, name string) (text string, ok bool)

	// Protection refuses what other origins post. If a proxy changes the header Host, add the origin that
	// browsers see to one of your own. Defaults to [http.NewCrossOriginProtection].
	Protection *http.CrossOriginProtection
}

// New returns the inspector of m: a handler that is safe for concurrent use and starts nothing in the
// background. See the package for its pages, and for what must stand before it. It panics if m is nil.
func New(m *session.Manager, o Options) http.Handler {
	if m == nil {
		panic("inspect: New needs a session.Manager, and got nil")
	}
	if o.Title == "" {
		o.Title = "Sessions"
	}
	if o.Protection == nil {
		o.Protection = http.NewCrossOriginProtection()
	}
	return &inspector{m: m, options: o}
}

type inspector struct {
	m       *session.Manager
	options Options
}

// request is one request, and how to answer it.
type request struct {
	*inspector
	w    http.ResponseWriter
	r    *http.Request
	json bool
	args url.Values // of the query; a body is never read
}

// pages answer GET, and actions answer POST, by the last part of the path.
var (
	pages = map[string]func(*request){
		"": (*request).home, "of": (*request).of, "all": (*request).all, "session": (*request).session,
		"aside": (*request).aside, "end": (*request).end, "stats": (*request).stats, "done": (*request).done,
		"style.css": (*request).style,
	}
	actions = map[string]func(*request){
		"end-session": (*request).endSession, "end-all": (*request).endAll,
		"replay": (*request).replay, "drop": (*request).drop,
	}
)

func (i *inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.secure(w.Header())
	if r.URL.Path == "" {
		// StripPrefix took all of it: without a slash at the end, relative links would lead elsewhere.
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		w.Header().Set("Location", "./"+path.Base(asked)+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	name, wantsJSON := strings.CutSuffix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ".json")
	q := &request{inspector: i, w: w, r: r, json: wantsJSON || acceptsJSON(r), args: r.URL.Query()}
	page, isPage := pages[name]
	action, isAction := actions[name]
	switch {
	case isPage && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		page(q)
	case isPage:
		q.refuse("GET, HEAD")
	case isAction && r.Method != http.MethodPost:
		q.refuse(http.MethodPost)
	case isAction && !i.options.Actions:
		q.fail(http.StatusForbidden, "This inspector changes nothing. Its application must set Options.Actions.")
	case isAction && i.options.Protection.Check(r) != nil:
		q.fail(http.StatusForbidden, "Another site has sent this form. Use the pages of the inspector. If these are what you used, a proxy changes the header Host: see Options.Protection.")
	case isAction:
		action(q)
	default:
		q.fail(http.StatusNotFound, "There is no such page.")
	}
}

func (q *request) refuse(allow string) {
	q.w.Header().Set("Allow", allow)
	q.fail(http.StatusMethodNotAllowed, "This address takes "+allow+" alone.")
}

// secure sets what every response has.
func (i *inspector) secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if i.options.Actions {
		// With no-referrer, a browser posts with "Origin: null". Without TLS, the origin is all that tells
		// the inspector's own pages from others.
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Add("Vary", "Accept")
}

// acceptsJSON tells whether a client wants JSON and not a page.
func acceptsJSON(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
