package scs

import (
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
)

const (
	visits session.Key[int]    = "visits"
	flash  session.Key[string] = "flash"
)

// After returns the application with berth. Nobody is logged out.
func After(client *redis.Client) (http.Handler, error) {
	m, err := session.New(client, session.Options{App: "shop", Timeout: 12 * time.Hour})
	if err != nil {
		return nil, err
	}
	move, err := moving.Middleware(m, oldSessions(manager(client)))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("POST /login", signIn)
	mux.HandleFunc("POST /logout", signOut)
	return move(httpsession.Middleware(m)(mux)), nil
}

func home(w http.ResponseWriter, r *http.Request) {
	s := httpsession.From(r)
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	fmt.Fprintf(w, "user %q, visit %d, [%s]", s.Principal(), n, flash.Pop(s))
}

func signIn(w http.ResponseWriter, r *http.Request) {
	s := httpsession.From(r)
	s.SetPrincipal(r.PostFormValue("user"))
	if r.PostFormValue("remember") != "" {
		s.Remember(month)
	}
	flash.Set(s, "Welcome.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request) {
	httpsession.From(r).Abandon()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
