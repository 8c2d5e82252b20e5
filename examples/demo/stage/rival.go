package stage

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
)

// rival does with scs, a library without locks, what [story.click] does with berth, in the same Redis.
func (s *Stage) rival() http.Handler {
	sessions := &scs.SessionManager{ // as New makes it, but for a store in memory whose cleaner nobody can stop
		Store:    goredisstore.NewWithPrefix(s.Client, s.App+":scs:"),
		Lifetime: 20 * time.Minute,
		Codec:    scs.GobCodec{},
		Cookie:   scs.SessionCookie{Name: "scs_session", HttpOnly: true, Path: "/", SameSite: http.SameSiteLaxMode, Persist: true},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /demo/scs/visit", func(w http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "clicks", 0)
		writeJSON(w, 0)
	})
	mux.HandleFunc("POST /demo/scs/click", func(w http.ResponseWriter, r *http.Request) {
		began, n := time.Now(), sessions.GetInt(r.Context(), "clicks")
		pause(r.Context(), clickTime)
		sessions.Put(r.Context(), "clicks", n+1)
		writeJSON(w, clicked{n + 1, millis(began), millis(time.Now())})
	})
	mux.HandleFunc("GET /demo/scs/clicks", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, sessions.GetInt(r.Context(), "clicks"))
	})
	return sessions.LoadAndSave(mux)
}
