package conformance

import (
	"errors"
	"net/http"
	"strings"

	"github.com/berthgo/berth/core/session"
)

// wantVary checks the fields in Vary, in lower case and in their order, apart by commas.
func (r *rig) wantVary(a answer, want string) {
	r.Helper()
	got := strings.ReplaceAll(strings.Join(a.header.Values("Vary"), ","), " ", "")
	if !strings.EqualFold(got, want) {
		r.Errorf("Vary is %q, want %q", got, want)
	}
}

// varying has a handler set Vary first.
func varying(value string, h Handler) Handler {
	return func(x *Exchange) error {
		x.W.Header().Set("Vary", value)
		return h(x)
	}
}

// A cache must not give the page of one visitor to another one, also not that of a visitor without a
// session. A page that has nothing of the session can be cached for all.
func varyOfPages(r *rig) {
	s := r.serve(setting{
		routes: Routes{
			"/set": set("k", "v"), "/show": show("k"), "/read": show("k"), "/who": who, "/new": func(x *Exchange) error {
				x.From().IsNew()
				return nil
			},
			"/error": func(x *Exchange) error {
				x.From().Has("k")
				return errors.New("out of luck")
			},
			"/unmodified": func(x *Exchange) error {
				x.From().Has("k")
				x.W.WriteHeader(http.StatusNotModified)
				return nil
			},
			"/encoded": varying("Accept-Encoding", show("k")),
			"/known":   varying("accept, cookie", show("k")),
			"/any":     varying("*", show("k")),
			"/static":  varying("Accept-Encoding", func(x *Exchange) error { return write(x, "the same for all") }),
			"/held": func(x *Exchange) error {
				x.From() // and no look at it
				return write(x, "the same for all")
			},
		},
		access: map[string]session.Access{"/read": session.ReadOnly},
	})
	b := s.visitor("/set")
	for _, b := range []*browser{b, s.browser()} {
		for _, c := range []struct{ path, want string }{
			{"/show", "Cookie"},
			{"/read", "Cookie"},
			{"/who", "Cookie"},
			{"/new", "Cookie"},
			{"/error", "Cookie"},
			{"/unmodified", "Cookie"},
			{"/encoded", "Accept-Encoding,Cookie"},
			{"/known", "accept,cookie"},
			{"/any", "*"},
			{"/static", "Accept-Encoding"},
			{"/held", ""},
			{"/set", "Cookie"},
		} {
			r.wantVary(b.also().get(c.path), c.want)
		}
	}
	h := r.serve(setting{routes: Routes{"/show": show("k")}, options: session.Options{Header: "X-Session"}})
	r.wantVary(h.browser().get("/show"), "X-Session")
}

// An error page of the middleware is not for all either.
func varyOfErrors(r *rig) {
	for _, onError := range []func(error) (int, string){
		nil,
		func(error) (int, string) { return http.StatusNotFound, "own page" }, // which a cache may keep
	} {
		s := r.serve(setting{onError: onError, routes: Routes{
			"/set": set("k", "v"), "/show": show("k"),
			"/try": varying("Accept-Encoding", func(x *Exchange) error {
				x.From().Set("k", func() {})
				return write(x, "the handler's own")
			}),
		}})
		b := s.visitor("/set")
		r.wantVary(b.get("/try"), "Cookie") // the handler's own is gone
		s.wire.down.Store(true)
		r.wantVary(b.get("/show"), "Cookie")
	}
}
