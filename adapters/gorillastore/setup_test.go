package gorillastore_test

import (
	"encoding/gob"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const name = "session-key"

// clientURL is where the clients of package sessiontest are.
var clientURL = &url.URL{Scheme: "https", Host: "localhost", Path: "/"}

func init() {
	gob.Register(flashMessage{})
	gob.Register(kind(0))
	gob.Register(map[string]int{})
}

type flashMessage struct {
	Type    int
	Message string
}

type kind int

// site is an application that has a store on berth, and a Redis of its own.
type site struct {
	*testing.T
	*sessiontest.Sessions
	store *gorillastore.Store
}

func newSite(t *testing.T, o session.Options) *site {
	t.Helper()
	all := sessiontest.New(t, o)
	store, err := gorillastore.New(all.Manager)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, all, store}
}

// browser keeps the cookies of a visitor by name.
type browser struct {
	*site
	cookies map[string]string
}

func (s *site) browser() *browser { return &browser{s, make(map[string]string)} }

// request is one request of the browser.
type request struct {
	*browser
	r *http.Request
	w *httptest.ResponseRecorder
}

func (b *browser) request() *request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return &request{b, r, httptest.NewRecorder()}
}

// get returns the session of a name.
func (r *request) get(name string) *sessions.Session {
	r.Helper()
	s, err := r.store.Get(r.r, name)
	if err != nil {
		r.Fatal(err)
	}
	return s
}

// save saves a session.
func (r *request) save(s *sessions.Session) {
	r.Helper()
	if err := s.Save(r.r, r.w); err != nil {
		r.Fatal(err)
	}
}

// end gives the response to the browser, and returns its lines of Set-Cookie.
func (r *request) end() []string {
	for _, c := range (&http.Response{Header: r.w.Header()}).Cookies() {
		if r.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(r.cookies, c.Name)
		}
	}
	return r.w.Header()["Set-Cookie"]
}

// visit is a request that changes the session and saves it.
func (b *browser) visit(change func(s *sessions.Session)) []string {
	b.Helper()
	r := b.request()
	s := r.get(name)
	change(s)
	r.save(s)
	return r.end()
}

// see is a request that looks at the session and does not save it.
func (b *browser) see(name string) map[any]any {
	b.Helper()
	return b.request().get(name).Values
}

// fields are what Redis has of the values of the browser's session.
func (b *browser) fields() map[string]string {
	b.Helper()
	handle, _, _ := strings.Cut(b.cookies[name], ".")
	all, err := b.Redis.HGetAll(b.T.Context(), "{sessiontest_"+handle+"}_Data").Result()
	if err != nil {
		b.Fatal(err)
	}
	for field := range all {
		if strings.HasPrefix(field, "_berth") {
			delete(all, field)
		}
	}
	return all
}

func newManager(t *testing.T, o session.Options) *session.Manager {
	t.Helper()
	return sessiontest.New(t, o).Manager
}
