package stage

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// maxOff is how long Redis is away if nobody switches it on.
const maxOff = 30 * time.Second

// visits counts the requests of the three modes.
const visits session.Key[int] = "visits"

// turn switches Redis off for a time, or on. The time is "3s"; without one it is on.
func (s *Stage) turn(w http.ResponseWriter, r *http.Request) {
	if off, err := time.ParseDuration(r.PostFormValue("off")); err == nil && off > 0 {
		s.Switch.Off(min(off, maxOff))
	} else {
		s.Switch.Back()
	}
	w.WriteHeader(http.StatusNoContent)
}

// mode serves a request in each of the three ways to meet an outage.
func (s *Stage) mode(w http.ResponseWriter, r *http.Request) {
	m, there := s.modes[r.PathValue("mode")]
	if !there {
		http.NotFound(w, r)
		return
	}
	httpsession.Middleware(m)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := httpsession.From(r)
		n := visits.GetOr(held, 0) + 1
		visits.Set(held, n)
		writeJSON(w, map[string]any{"visits": n, "detached": held.Detached()})
	})).ServeHTTP(w, r)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}
