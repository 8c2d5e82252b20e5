package sessiontest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// cookies are all kinds of session cookies.
var cookies = map[string]session.Options{
	"as it is":    {},
	"Secure":      {Cookie: session.Cookie{Secure: session.SecureAlways}},
	"plain":       {Cookie: session.Cookie{Secure: session.SecureNever, Name: "sid"}},
	"__Host-":     {Cookie: session.Cookie{HostPrefix: true}},
	"Domain":      {Cookie: session.Cookie{Domain: ".shop.test"}},
	"Path":        {Cookie: session.Cookie{Path: "/cart"}},
	"Partitioned": {Cookie: session.Cookie{HostPrefix: true, Partitioned: true, SameSite: session.SameSiteNone}},
	"MaxAge":      {Cookie: session.Cookie{MaxAge: 1e9 * 3600}},
	"header":      {Header: "X-Session"},
}

func TestClient(t *testing.T) {
	t.Parallel()
	for name, options := range cookies {
		for by, client := range map[string]func(t *testing.T, s *sessiontest.Sessions, cookies ...*http.Cookie) *sessiontest.Client{
			"handler": func(_ *testing.T, s *sessiontest.Sessions, cookies ...*http.Cookie) *sessiontest.Client {
				return s.Client(shop(s.Manager), cookies...)
			},
			"URL": func(t *testing.T, s *sessiontest.Sessions, cookies ...*http.Cookie) *sessiontest.Client {
				server := httptest.NewServer(shop(s.Manager))
				t.Cleanup(server.Close)
				return s.ClientAt(server.URL, cookies...)
			},
			"URL with TLS": func(t *testing.T, s *sessiontest.Sessions, cookies ...*http.Cookie) *sessiontest.Client {
				server := httptest.NewTLSServer(shop(s.Manager))
				t.Cleanup(server.Close)
				return s.ClientAt(server.URL, cookies...)
			},
		} {
			t.Run(name+" "+by, func(t *testing.T) {
				t.Parallel()
				s := sessiontest.New(t, options)
				signedIn := client(t, s, s.SignIn("ann", sessiontest.Values{"cart": []string{"tea"}}))
				get(t, signedIn, "/cart", 200, "ann: tea")
				post(t, signedIn, "/cart", map[string][]string{"item": {"jam"}}, 200, "ann: tea, jam") // by a redirect
				if got := s.Session(signedIn.Cookie()); got.Principal() != "ann" || len(cart.GetOr(got, nil)) != 2 {
					t.Errorf("the client's session is %q's and has %q", got.Principal(), cart.GetOr(got, nil))
				}
				visitor := client(t, s)
				if cookie := visitor.Cookie(); cookie != nil {
					t.Errorf("a new client has the cookie %v", cookie)
				}
				post(t, visitor, "/cart", map[string][]string{"item": {"milk"}}, 200, ": milk")
				get(t, visitor, "/cart", 200, ": milk")
				if options.Cookie.Path != "" {
					return // the cookie is for /cart alone
				}
				before := visitor.Cookie()
				post(t, visitor, "/login", map[string][]string{"user": {"bob"}}, 200, "")
				if visitor.Cookie().Value == before.Value {
					t.Error("the client did not take the cookie of the sign-in")
				}
				get(t, visitor, "/cart", 200, "bob: milk")
				post(t, visitor, "/logout", nil, 200, "")
				if cookie := visitor.Cookie(); cookie != nil {
					t.Errorf("after the logout, the client has the cookie %v", cookie)
				}
			})
		}
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	for name, options := range cookies {
		s := sessiontest.New(t, options)
		answer := func(path, body string, cookie *http.Cookie) *http.Cookie {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if options.Header != "" && cookie != nil {
				r.Header.Set(cookie.Name, cookie.Value)
			} else if cookie != nil {
				r.AddCookie(cookie)
			}
			w := httptest.NewRecorder()
			shop(s.Manager).ServeHTTP(w, r)
			response := w.Result()
			_ = response.Body.Close()
			return s.Cookie(response)
		}
		first := answer("/cart", "item=tea", nil)
		if got := cart.GetOr(s.Session(first), nil); len(got) != 1 {
			t.Errorf("%s: the session of the response has %q", name, got)
		}
		if second := answer("/cart", "item=jam", first); second != nil && options.Cookie.MaxAge == 0 {
			t.Errorf("%s: a response that sets no cookie has %v", name, second)
		}
		if last := answer("/logout", "", first); last == nil || last.Value != "" {
			t.Errorf("%s: after the logout the cookie is %v", name, last)
		}
	}
}

// A handler sees what it sees behind a server.
func TestRequestOfClient(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	client := s.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header()["Seen"] = []string{r.Method, r.URL.String(), r.RequestURI, r.Host, string(body), r.Header.Get("Cookie")}
		if err != nil || r.TLS == nil || r.RemoteAddr == "" || r.Context().Err() != nil {
			t.Errorf("%v, TLS %v, from %q", err, r.TLS, r.RemoteAddr)
		}
	}), &http.Cookie{Name: "lang", Value: "de"})
	for url, host := range map[string]string{"/a?b=c": "localhost", "https://api.test/a?b=c": "api.test"} {
		response, err := client.Post(url, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		sent := ""
		if host == "localhost" {
			sent = "lang=de"
		}
		got, want := strings.Join(response.Header["Seen"], " "), strings.Join([]string{"POST", "/a?b=c", "/a?b=c", host, "hello", sent}, " ")
		if got != want {
			t.Errorf("the handler saw %q, want %q", got, want)
		}
	}
	response, err := client.Get("/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.Request == nil || response.Request.URL.Path != "/" {
		t.Error("the response does not know its request")
	}
}

func TestHostOfClient(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{Cookie: session.Cookie{Domain: ".shop.test"}})
	host := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
	get(t, s.Client(host), "/", 200, "shop.test")
}

func TestPanicReachesTheTest(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	client := s.Client(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("in the handler") }))
	defer func() {
		if p := recover(); p != "in the handler" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = client.Get("/") //nolint:bodyclose // there is none
}

func TestClientFunc(t *testing.T) {
	t.Parallel()
	s := sessiontest.New(t, session.Options{})
	down := errors.New("the server is down")
	client := s.ClientFunc(func(*http.Request) (*http.Response, error) { return nil, down }, s.SignIn("ann", nil))
	if _, err := client.Get("/"); !errors.Is(err, down) { //nolint:bodyclose // there is none
		t.Errorf("got %v", err)
	}
}

func TestWrongClients(t *testing.T) {
	t.Parallel()
	wantFatal(t, "nil cookie", func(t sessiontest.TB) {
		s := sessiontest.New(t, session.Options{})
		s.Client(shop(s.Manager), nil)
	})
	for _, url := range []string{"", "shop", "localhost:8080", "::"} {
		wantFatal(t, "it must be a URL such as", func(t sessiontest.TB) {
			sessiontest.New(t, session.Options{}).ClientAt(url)
		})
	}
}
