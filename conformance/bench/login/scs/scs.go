// Package scs is the login application with alexedwards/scs, under net/http.
package scs

import (
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/login"
)

type app struct{ sessions *scs.SessionManager }

// New returns the application. Its sessions are in the Redis of client. They end a day after they
// began. There is no idle timeout: it would also end the sessions that are to last for 30 days.
func New(client *redis.Client) http.Handler {
	a := app{scs.New()}
	a.sessions.Store = goredisstore.New(client)
	a.sessions.Cookie.Persist = false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.signIn)
	mux.HandleFunc("POST /logout", a.signOut)
	return a.sessions.LoadAndSave(mux)
}

func (a app) home(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	n := a.sessions.GetInt(ctx, "visits") + 1
	a.sessions.Put(ctx, "visits", n)
	user, flash := a.sessions.GetString(ctx, "user"), a.sessions.PopString(ctx, "flash")
	fmt.Fprintf(w, "user %q, visit %d, [%s]\n", user, n, flash)
}

func (a app) signIn(w http.ResponseWriter, r *http.Request) {
	ctx, user := r.Context(), r.PostFormValue("user")
	if !login.Check(user, r.PostFormValue("password")) {
		a.sessions.Put(ctx, "flash", "Wrong user or password.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err := a.sessions.RenewToken(ctx); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	a.sessions.Put(ctx, "user", user)
	if r.PostFormValue("remember") != "" {
		a.sessions.RememberMe(ctx, true)
		a.sessions.SetDeadline(ctx, time.Now().Add(login.Remembered)) // after RenewToken, which sets it too
	}
	a.sessions.Put(ctx, "flash", "Welcome.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a app) signOut(w http.ResponseWriter, r *http.Request) {
	if err := a.sessions.Destroy(r.Context()); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
