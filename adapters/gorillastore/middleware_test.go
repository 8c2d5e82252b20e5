package gorillastore_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// behind is a client of a handler that is written for gorilla/sessions, behind berth's middleware.
func (s *site) behind(access session.Access, handle func(w http.ResponseWriter, r *http.Request, is *sessions.Session)) *sessiontest.Client {
	inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		is, err := s.store.Get(r, "session")
		if err != nil {
			s.Error(err)
		}
		handle(w, r, is)
	})
	return s.Client(httpsession.Middleware(s.Manager, httpsession.WithAccess(session.Always(access)))(inside))
}

// visits sends a request, and checks its status.
func visits(t *testing.T, c *sessiontest.Client, want int) {
	t.Helper()
	response, err := c.Get("/")
	if err != nil {
		t.Error(err)
		return
	}
	response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("the status is %d, want %d", response.StatusCode, want)
	}
}

// Behind berth's middleware, requests of one session take turns, with a handler that knows gorilla alone.
func TestBehindTheMiddlewareNoCountIsLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	client := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		n, _ := is.Values["n"].(int)
		is.Values["n"] = n + 1
		if err := is.Save(r, w); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, n+1)
	})
	visits(t, client, http.StatusOK)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { visits(t, client, http.StatusOK) })
	}
	all.Wait()
	if n, err := session.Get[int](s.Session(client.Cookie()), "n"); n != 9 {
		t.Errorf("n is %d (%v)", n, err)
	}
}

// Save leaves the commit to the middleware: what berth's own API does in the same request is in it, and
// if it fails, that is the response.
func TestBehindTheMiddlewareSaveIsNoCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	var restore func()
	fail := false
	client := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		if fail {
			restore = s.FailRedis()
		}
		is.Values["a"] = 1
		if err := is.Save(r, w); err != nil || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("Save: %v, with the cookies %v", err, w.Header()["Set-Cookie"])
		}
		httpsession.From(r).SetPrincipal("ann")
		httpsession.From(r).Set("b", 2)
		fmt.Fprint(w, "ok")
	})
	visits(t, client, http.StatusOK)
	saved := s.Session(client.Cookie())
	if saved.Principal() != "ann" || saved.Len() != 2 {
		t.Errorf("the session of %q has %v", saved.Principal(), saved.Keys())
	}
	fail = true
	before := client.Cookie().Value
	visits(t, client, http.StatusServiceUnavailable)
	restore()
	if client.Cookie().Value != before {
		t.Error("the cookie has changed")
	}
}

// MaxAge is kept, an empty ID rotates, and a MaxAge less than 0 is a logout.
func TestBehindTheMiddlewareOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	var change func(is *sessions.Session)
	client := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		change(is)
		if err := is.Save(r, w); err != nil {
			t.Error(err)
		}
	})
	change = func(is *sessions.Session) { is.Values["a"], is.Options.MaxAge = 1, 3600 }
	visits(t, client, http.StatusOK)
	first := client.Cookie()
	if got := s.Session(first).Remembered().Seconds(); got != 3600 {
		t.Errorf("it is remembered for %v s", got)
	}
	change = func(is *sessions.Session) {
		if is.Options.MaxAge != 3600 || is.IsNew || !strings.HasPrefix(first.Value, is.ID+".") {
			t.Errorf("the session is %v", is)
		}
		is.ID = ""
	}
	visits(t, client, http.StatusOK)
	second := client.Cookie()
	if second.Value == first.Value || s.Session(second).Len() != 1 {
		t.Error("the ID is not rotated")
	}
	change = func(is *sessions.Session) { is.Options.MaxAge = -1 }
	visits(t, client, http.StatusOK)
	if _, err := s.Lookup(second); !errors.Is(err, session.ErrEnded) || client.Cookie() != nil {
		t.Errorf("after the logout: %v", err)
	}
}

// A change that cannot be saved is an error of Save, and the middleware's answer.
func TestBehindTheMiddlewareReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	cookie := s.SignIn("ann", sessiontest.Values{"a": 1})
	for access, want := range map[session.Access]error{session.ReadOnly: session.ErrReadOnly, session.Peek: session.ErrReadOnly, session.Shared: nil} {
		for _, changes := range []bool{false, true} {
			client := s.behind(access, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
				if is.Values["a"] != 1 {
					t.Errorf("%v: the values are %v", access, is.Values)
				}
				if !changes {
					if err := is.Save(r, w); err != nil {
						t.Errorf("%v, without a change: %v", access, err)
					}
					return
				}
				is.Values["b"] = access.String()
				for range 2 {
					if err := is.Save(r, w); !errors.Is(err, want) {
						t.Errorf("%v: %v", access, err)
					}
				}
			})
			client.Jar.SetCookies(clientURL, []*http.Cookie{cookie})
			status := http.StatusOK
			if changes && want != nil {
				status = http.StatusInternalServerError
			}
			visits(t, client, status)
		}
	}
	late := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		fmt.Fprint(w, "the first byte")
		is.Values["late"] = 1
		if err := is.Save(r, w); !errors.Is(err, session.ErrSealed) {
			t.Errorf("after the first byte: %v", err)
		}
	})
	visits(t, late, http.StatusOK)
}

// Under another name, a session is one of its own, whoever is around it. Its end does not touch that of
// the middleware.
func TestBehindTheMiddlewareOtherNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, session.Options{})
	end := false
	client := s.behind(session.Exclusive, func(w http.ResponseWriter, r *http.Request, is *sessions.Session) {
		other, err := s.store.Get(r, "other")
		if err != nil {
			t.Error(err)
		}
		is.Values["a"], other.Values["a"] = 1, 2
		if end {
			other.Options.MaxAge = -1
		}
		if err := sessions.Save(r, w); err != nil {
			t.Error(err)
		}
	})
	cookies := func() int { return len(client.Jar.Cookies(clientURL)) }
	visits(t, client, http.StatusOK)
	if cookies() != 2 || s.Session(client.Cookie()).Len() != 1 {
		t.Errorf("there are %d cookies", cookies())
	}
	end = true
	visits(t, client, http.StatusOK)
	if cookies() != 1 || s.Session(client.Cookie()).Len() != 1 {
		t.Errorf("after the end of one there are %d cookies", cookies())
	}
}

// The middleware of another Manager, inside, changes nothing.
func TestBehindTwoManagers(t *testing.T) {
	t.Parallel()
	s, other := newSite(t, session.Options{}), newManager(t, session.Options{Cookie: session.Cookie{Name: "other"}})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		is, err := s.store.Get(r, "session")
		if err != nil {
			t.Error(err)
		}
		is.Values["a"] = 1
		if err := is.Save(r, w); err != nil {
			t.Error(err)
		}
	})
	client := s.Client(httpsession.Middleware(s.Manager)(httpsession.Middleware(other)(handler)))
	visits(t, client, http.StatusOK)
	if s.Session(client.Cookie()).Len() != 1 {
		t.Error("the value is not in the session")
	}
}
