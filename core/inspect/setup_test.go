package inspect_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/internal/rig"
	"github.com/berthgo/berth/core/session"
)

func TestMain(m *testing.M) { rig.Main(m) }

// site is an inspector that is mounted under a prefix.
type site struct {
	t       *testing.T
	handler http.Handler
}

func newSite(t *testing.T, m *session.Manager, o inspect.Options) *site {
	return &site{t, inspect.New(m, o)}
}

// send sends a request to a page, such as "session?handle=H".
func (s *site) send(method, page string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://shop.example/admin/sessions/"+page, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// page gets a page, and returns its text.
func (s *site) page(status int, page string) string {
	s.t.Helper()
	w := s.send(http.MethodGet, page)
	if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Fatalf("GET %.80q: status %d, want %d, %s:\n%.2000s", page, w.Code, status, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

// json gets a page as JSON.
func (s *site) json(status int, page string) map[string]any {
	s.t.Helper()
	name, query, _ := strings.Cut(page, "?")
	w := s.send(http.MethodGet, name+".json?"+query)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != status {
		s.t.Fatalf("GET %q as JSON: status %d, want %d (%v):\n%s", page, w.Code, status, err, w.Body)
	}
	return got
}

// post posts as a page of the inspector does, and follows a redirection.
func (s *site) post(status int, page string) string {
	s.t.Helper()
	w := s.send(http.MethodPost, page, "Sec-Fetch-Site", "same-origin")
	if w.Code == http.StatusSeeOther {
		w = s.send(http.MethodGet, w.Header().Get("Location"))
	}
	if w.Code != status {
		s.t.Fatalf("POST %.80q: status %d, want %d:\n%s", page, w.Code, status, w.Body)
	}
	return w.Body.String()
}

// want fails the test if a text is not in a page.
func want(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("%.200q is not in the page:\n%.4000s", text, page)
		}
	}
}

func wantNot(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("%.200q is in the page:\n%.4000s", text, page)
		}
	}
}

func with(page, key, value string) string {
	return page + "?" + key + "=" + strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// link is how a page has that address.
func link(page, key, value string) string {
	return `"` + html.EscapeString(with(page, key, value)) + `"`
}

// putAside has the end of a session fail until it is kept aside.
func putAside(t *testing.T, m *session.Manager, id string) {
	t.Helper()
	before := m.Stats().EndsAside
	stop := rig.HandleEnds(t, m, func(context.Context, session.Ended) error { return errors.New("no") })
	defer stop()
	if err := m.EndHandle(t.Context(), rig.HandleOf(id)); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, "the end is kept aside", func() bool { return m.Stats().EndsAside > before })
}

// aside keeps an end aside after one attempt. It can be handled again when its claim has run out.
func aside(o *session.Options) { o.EndAttempts, o.LockTTL = 1, 100*time.Millisecond }
