package httpsession_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// open returns a manager on a Redis inside this process, and what ends both.
func open() (*session.Manager, func()) {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	m, err := session.New(client, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	return m, func() {
		_ = m.Close()
		_ = client.Close()
		server.Close()
	}
}

// The pages below /account need a user. The one that changes the password needs one who has signed in
// less than five minutes ago. Others are sent to a form.
func ExampleRequirePrincipal() {
	m, end := open()
	defer end()

	form := httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
		switch {
		case errors.Is(err, session.ErrNoPrincipal):
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		case errors.Is(err, session.ErrSignInTooOld):
			http.Redirect(w, r, "/confirm", http.StatusSeeOther)
		default: // Redis does not answer, or the like
			httpsession.Error(w, r, err)
		}
	})
	user := httpsession.Middleware(m, httpsession.RequirePrincipal(0), form)
	recent := httpsession.Middleware(m, httpsession.RequirePrincipal(5*time.Minute), form)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		httpsession.From(r).SetPrincipal("ann") // after a look at her password
		fmt.Fprint(w, "welcome")
	})
	mux.Handle("GET /account", user(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the account of %s", httpsession.From(r).Principal())
	})))
	mux.Handle("GET /account/password", recent(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the new password, please")
	})))
	site := httpsession.Middleware(m)(mux)

	cookie := ""
	visit := func(method, path string) {
		r := httptest.NewRequest(method, "http://127.0.0.1"+path, nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if set := w.Result().Cookies(); len(set) > 0 {
			cookie = set[0].Name + "=" + set[0].Value
		}
		fmt.Println(method, path, w.Code, w.Header().Get("Location")+w.Body.String())
	}
	visit("POST", "/login")
	visit("GET", "/account")
	visit("GET", "/account/password")
	cookie = ""
	visit("HEAD", "/account")
	// Output:
	// POST /login 200 welcome
	// GET /account 200 the account of ann
	// GET /account/password 200 the new password, please
	// HEAD /account 303 /login
}

// A negative time is found when the program starts.
func TestRequirePrincipalPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a negative time does not panic")
		}
	}()
	httpsession.RequirePrincipal(-1)
}

// A rule sees the path as the client has encoded it: "%2F" is no "/" in a route.
func TestRequestKeepsTheEncodedPath(t *testing.T) {
	t.Parallel()
	rule := session.ByRoute(map[string]session.Access{"/static/": session.None})
	for path, want := range map[string]session.Access{"/static/x": session.None, "/static%2Fx": session.Exclusive} {
		if got := rule(httpsession.Request(httptest.NewRequest(http.MethodGet, path, nil))); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}
