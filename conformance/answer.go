package conformance

import (
	"net/http"
	"strings"
)

func (r *rig) wantStatus(a answer, want int) {
	r.Helper()
	if a.status != want {
		r.Errorf("status is %d, want %d", a.status, want)
	}
}

func (r *rig) wantBody(a answer, want string) {
	r.Helper()
	if a.body != want {
		r.Errorf("body is %.200q, want %.200q", a.body, want)
	}
}

func (r *rig) wantNoCookie(a answer) {
	r.Helper()
	if a.cookie != nil {
		r.Errorf("the response sets the session cookie: %s", shorten(a.cookie.String()))
	}
}

// wantUnavailable checks the default answer to what a client can try again.
func (r *rig) wantUnavailable(a answer) {
	r.Helper()
	r.wantStatus(a, http.StatusServiceUnavailable)
	r.wantError(a)
	if got := a.header.Get("Retry-After"); got != "1" {
		r.Errorf("Retry-After is %q, want 1", got)
	}
}

// wantError checks what all default answers have in common.
func (r *rig) wantError(a answer) {
	r.Helper()
	r.wantBody(a, http.StatusText(a.status)+"\n")
	r.wantNoCookie(a)
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		r.Errorf("Cache-Control is %q, want no-store", got)
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
		r.Errorf("Content-Type is %q, want text/plain", got)
	}
}

// shorten keeps session IDs out of the output.
func shorten(s string) string { return s[:min(len(s), 16)] + "…" }
