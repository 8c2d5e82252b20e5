// Package berth is the login application with berth, under net/http.
package berth

import (
	"fmt"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/login"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const (
	visits session.Key[int]    = "visits"
	flash  session.Key[string] = "flash"
)

// New returns the application. Its sessions are in the Redis of client, and its Manager lives as
// long as the process.
func New(client *redis.Client) (http.Handler, error) {
	m, err := session.New(client, session.Options{App: "login"})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("POST /login", signIn)
	mux.HandleFunc("POST /logout", signOut)
	return httpsession.Middleware(m)(mux), nil
}

func home(w http.ResponseWriter, r *http.Request) {
	s := httpsession.From(r)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	fmt.Fprintf(w, "user %q, visit %d, [%s]\n", s.Principal(), n, flash.Pop(s))
}

func signIn(w http.ResponseWriter, r *http.Request) {
	s, user := httpsession.From(r), r.PostFormValue("user")
	if !login.Check(user, r.PostFormValue("password")) {
		flash.Set(s, "Wrong user or password.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.SetPrincipal(user)
	if r.PostFormValue("remember") != "" {
		s.Remember(login.Remembered)
	}
	flash.Set(s, "Welcome.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request) {
	httpsession.From(r).Abandon()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
