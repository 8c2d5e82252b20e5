package gorillastore

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// The store forgets a session as soon as nobody holds it.
func TestStatesAreForgotten(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	s, err := New(all.Manager)
	if err != nil {
		t.Fatal(err)
	}
	cookie := all.SignIn("ann", nil)
	for range 10 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		is, err := s.Get(r, "session")
		if err != nil || s.states.of(is) == nil {
			t.Fatalf("there is no state of %v (%v)", is, err)
		}
		is.Values["k"] = 1
		if err := is.Save(r, httptest.NewRecorder()); err != nil {
			t.Fatal(err)
		}
	}
	known := func() (n int) {
		s.states.all.Range(func(any, any) bool { n++; return true })
		return n
	}
	for deadline := time.Now().Add(30 * time.Second); known() > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("it keeps %d", known())
		}
	}
}
