package httpsession_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// The conformance suite tests what can be seen over HTTP. Here is the rest.

func manager(t testing.TB) *session.Manager {
	t.Helper()
	mini := miniredis.NewMiniRedis()
	t.Cleanup(mini.Close)
	client := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:1", MaxRetries: -1,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return mini.Dial() },
	})
	t.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// silent is a ResponseWriter that costs nothing.
type silent struct{ header http.Header }

func (s silent) Header() http.Header       { return s.header }
func (silent) WriteHeader(int)             {}
func (silent) Write(b []byte) (int, error) { return len(b), nil }

func handler() http.Handler {
	body := []byte("ok")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) })
}

// A request that has no session costs three allocations at most, whether or not its handler looks for
// one, and whatever the rule.
func TestAllocationsWithoutSession(t *testing.T) {
	looks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpsession.From(r).Has("k") {
			t.Error("there is a session")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	byMethod := func(r session.Request) session.Access {
		if r.Method == http.MethodGet {
			return session.ReadOnly
		}
		return session.Exclusive
	}
	for name, handler := range map[string]http.Handler{
		"untouched": httpsession.Middleware(manager(t))(handler()),
		"looked at": httpsession.Middleware(manager(t))(looks),
		"by rule":   httpsession.Middleware(manager(t), httpsession.WithAccess(byMethod))(handler()),
	} {
		h := handler
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", "theme=dark; lang=en")
		w := silent{http.Header{}}
		added := testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
		if added > 3 {
			t.Errorf("%s: %v allocations, at most 3 are allowed", name, added)
		}
		if looked := name == "looked at"; looked != (w.header.Get("Vary") == "Cookie") {
			t.Errorf("%s: Vary is %q", name, w.header["Vary"])
		}
	}
}

func BenchmarkWithoutSession(b *testing.B) {
	h := httpsession.Middleware(manager(b))(handler())
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := silent{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// Installed twice, the inner middleware lets the request through.
func TestInstalledTwice(t *testing.T) {
	t.Parallel()
	m, other := manager(t), manager(t)
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := httpsession.From(r)
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		_, _ = fmt.Fprint(w, n+1)
	}))
	for _, m := range []*session.Manager{m, m, other, m} {
		h = httpsession.Middleware(m)(h)
	}
	cookie := ""
	for want := range 3 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String(); got != fmt.Sprint(want+1) {
			t.Fatalf("answer %d is %s", want+1, got)
		}
		if want == 0 {
			set := w.Result().Cookies()
			if len(set) != 1 {
				t.Fatalf("%d cookies are set", len(set))
			}
			cookie = set[0].String()
		}
	}
}

func TestFromWithoutMiddleware(t *testing.T) {
	t.Parallel()
	defer func() {
		if message, _ := recover().(string); !strings.Contains(message, "install the middleware") {
			t.Errorf("the panic says %q", message)
		}
	}()
	httpsession.From(httptest.NewRequest(http.MethodGet, "/", nil))
}
