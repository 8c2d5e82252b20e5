// Package scs is an application that moves from alexedwards/scs to berth.
package scs

import (
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
)

// month is how long a browser stays signed in that asks for it.
const month = 30 * 24 * time.Hour

// manager returns the sessions of scs. They are in the Redis of client.
func manager(client *redis.Client) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = goredisstore.New(client)
	sessions.Lifetime = 12 * time.Hour
	sessions.Cookie.Persist = false
	return sessions
}

type before struct{ sessions *scs.SessionManager }

// Before returns the application with scs.
func Before(client *redis.Client) http.Handler {
	b := before{manager(client)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.home)
	mux.HandleFunc("POST /login", b.signIn)
	mux.HandleFunc("POST /logout", b.signOut)
	return b.sessions.LoadAndSave(mux)
}

func (b before) home(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	n := b.sessions.GetInt(ctx, "visits") + 1
	b.sessions.Put(ctx, "visits", n)
	fmt.Fprintf(w, "user %q, visit %d, [%s]", b.sessions.GetString(ctx, "user"), n, b.sessions.PopString(ctx, "flash"))
}

func (b before) signIn(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if err := b.sessions.RenewToken(ctx); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	b.sessions.Put(ctx, "user", r.PostFormValue("user"))
	if r.PostFormValue("remember") != "" {
		b.sessions.RememberMe(ctx, true)
		b.sessions.SetDeadline(ctx, time.Now().Add(month))
	}
	b.sessions.Put(ctx, "flash", "Welcome.")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (b before) signOut(w http.ResponseWriter, r *http.Request) {
	if err := b.sessions.Destroy(r.Context()); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
