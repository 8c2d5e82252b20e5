package stores_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

// realURL is where a real Redis is, "" if there is none.
var realURL string

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // else it prints every route
	redistest.Main(m, func(url string) { realURL = url }, func() error { return nil })
}

// onEach runs a test on miniredis and on a real Redis, at its address.
func onEach(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		test(t, miniredis.RunT(t).Addr())
	})
	t.Run("redis", func(t *testing.T) {
		if realURL == "" {
			t.Skip(redistest.ErrUnavailable)
		}
		o, err := redis.ParseURL(realURL)
		if err != nil {
			t.Fatal(err)
		}
		test(t, o.Addr)
	})
}

var apps atomic.Int64

// newApp returns a name that no other test has.
func newApp() string { return fmt.Sprintf("stores%d-%d", os.Getpid(), apps.Add(1)) }

// newManager returns a manager of an application of its own.
func newManager(t *testing.T, addr string, o session.Options) *session.Manager {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	if o.App == "" {
		o.App = newApp()
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	m, err := session.New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// browser is a client that keeps cookies, and follows no redirects.
type browser struct {
	*testing.T
	*http.Client
	base string
}

// newBrowser serves an application, and returns a browser for it.
func newBrowser(t *testing.T, application http.Handler) *browser {
	t.Helper()
	server := httptest.NewServer(application)
	t.Cleanup(server.Close)
	return browserAt(t, server.URL)
}

func browserAt(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, &http.Client{Jar: jar}, base}
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// answer is what a browser gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// get sends a request.
func (b *browser) get(path string) answer {
	b.Helper()
	response, err := b.Get(b.base + path)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// wants sends a request, and checks the answer.
func (b *browser) wants(path, want string) {
	b.Helper()
	if got := b.get(path); got.status != http.StatusOK || got.body != want {
		b.Errorf("%s answers %d %q, want %q", path, got.status, got.body, want)
	}
}

// cookies are the names of the browser's cookies, with their values.
func (b *browser) cookies() map[string]string {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, b.base, nil)
	all := make(map[string]string)
	for _, c := range b.Jar.Cookies(r.URL) {
		all[c.Name] = c.Value
	}
	return all
}

// together sends n requests at the same time.
func (b *browser) together(n int, path func(n int) string) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			response, err := b.Get(b.base + path(i))
			if err != nil {
				b.Error(err)
				return
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				b.Errorf("%s answers %d", path(i), response.StatusCode)
			}
		})
	}
	all.Wait()
}
