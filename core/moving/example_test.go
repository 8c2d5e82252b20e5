package moving_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

// logins is an old library that keeps who is signed in, by the value of the cookie login.
type logins map[string]string

func (logins) Cookie() http.Cookie { return http.Cookie{Name: "login", Path: "/"} }

func (l logins) Load(r *http.Request, into *session.Session) (found bool, err error) {
	c, err := r.Cookie("login")
	if err != nil || l[c.Value] == "" {
		return false, nil
	}
	into.SetPrincipal(l[c.Value])
	return true, nil
}

func (l logins) End(r *http.Request) error {
	if c, err := r.Cookie("login"); err == nil {
		delete(l, c.Value)
	}
	return nil
}

// A user of the old library keeps the login. The old cookie is exchanged for one of berth.
func Example() {
	server, err := miniredis.Run() // your Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	m, err := session.Open(session.Config{URL: "redis://" + server.Addr()}, session.Options{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	move, err := moving.Middleware(m, logins{"k3y": "ann"})
	if err != nil {
		log.Fatal(err)
	}
	handler := move(httpsession.Middleware(m)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Printf("user %q\n", httpsession.From(r).Principal())
	})))

	visit := func(cookies ...*http.Cookie) []*http.Cookie {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result().Cookies()
	}
	var berths *http.Cookie
	for _, c := range visit(&http.Cookie{Name: "login", Value: "k3y"}) {
		fmt.Println("cookie", c.Name, "deleted:", c.MaxAge < 0)
		if c.Name == m.Adapter().CookieName() {
			berths = c
		}
	}
	visit(berths)
	// Output:
	// user "ann"
	// cookie login deleted: true
	// cookie session deleted: false
	// user "ann"
}
