package sessiontest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

const cart session.Key[[]string] = "cart"

// shop is an application under test.
func shop(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		cart.Set(s, append(cart.GetOr(s, nil), r.FormValue("item")))
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "%s: %s", s.Principal(), strings.Join(cart.GetOr(s, nil), ", "))
	})
	mux.HandleFunc("POST /login", func(_ http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).SetPrincipal(r.FormValue("user"))
	})
	mux.HandleFunc("POST /logout", func(_ http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).Abandon()
	})
	return httpsession.Middleware(m)(mux)
}

// wantBody reads a response.
func wantBody(t *testing.T, response *http.Response, err error, status int, body string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != status || string(got) != body {
		t.Errorf("got %d %q (%v), want %d %q", response.StatusCode, got, err, status, body)
	}
}

// get is a GET of a client whose answer must be this.
func get(t *testing.T, c *sessiontest.Client, path string, status int, body string) {
	t.Helper()
	response, err := c.Get(path)
	wantBody(t, response, err, status, body)
}

// post is a POST of a client whose answer must be this.
func post(t *testing.T, c *sessiontest.Client, path string, form map[string][]string, status int, body string) {
	t.Helper()
	response, err := c.PostForm(path, form)
	wantBody(t, response, err, status, body)
}

// recorder stands for a test that may fail.
type recorder struct {
	mu       sync.Mutex
	output   bytes.Buffer
	failed   string
	cleanups []func()
	ctx      context.Context
}

var (
	_ sessiontest.TB = (*recorder)(nil)
	_ sessiontest.TB = testing.TB(nil)
)

func (r *recorder) Helper()                  {}
func (r *recorder) Cleanup(f func())         { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Output() io.Writer        { return r }

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.Write(b)
}

func (r *recorder) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run runs a test as package testing does.
func (r *recorder) run(t *testing.T, test func(t sessiontest.TB)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	cancel()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// wantFatal runs a test that must fail with a message that has this text.
func wantFatal(t *testing.T, text string, test func(t sessiontest.TB)) {
	t.Helper()
	r := new(recorder)
	r.run(t, test)
	if !strings.Contains(r.failed, text) {
		t.Errorf("the test failed with %q, want %q", r.failed, text)
	}
}
