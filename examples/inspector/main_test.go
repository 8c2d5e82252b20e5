package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// Nobody sees a session without the password.
func TestPassword(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, session.Options{App: "shop"})
	h := handler(m.Manager, "Shop", "correct")
	for password, status := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, "correct": http.StatusOK} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/sessions/all", nil)
		r.SetBasicAuth("operator", password)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status || (status == http.StatusOK) != strings.Contains(w.Body.String(), "<title>All sessions – Shop</title>") {
			t.Errorf("%q: status %d", password, w.Code)
		}
	}
}
