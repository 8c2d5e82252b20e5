package gorilla

import (
	"fmt"
	"net/http"

	"github.com/gorilla/sessions"
)

// app knows the Store, and not what is behind it.
type app struct{ store sessions.Store }

func (a app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.signIn)
	mux.HandleFunc("POST /logout", a.signOut)
	return mux
}

func (a app) home(w http.ResponseWriter, r *http.Request) {
	s, err := a.store.Get(r, "session")
	if err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	n, _ := s.Values["visits"].(int)
	s.Values["visits"] = n + 1
	user, _ := s.Values["user"].(string)
	flashes := s.Flashes()
	if err := s.Save(r, w); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "user %q, visit %d, %v", user, n+1, flashes)
}

func (a app) signIn(w http.ResponseWriter, r *http.Request) {
	s, err := a.store.Get(r, "session")
	if err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	s.ID = "" // a sign-in needs a new one
	s.Values["user"] = r.PostFormValue("user")
	s.AddFlash("Welcome.")
	a.saveAndGoHome(w, r, s)
}

func (a app) signOut(w http.ResponseWriter, r *http.Request) {
	s, err := a.store.Get(r, "session")
	if err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	s.Options.MaxAge = -1
	a.saveAndGoHome(w, r, s)
}

func (a app) saveAndGoHome(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	if err := s.Save(r, w); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
