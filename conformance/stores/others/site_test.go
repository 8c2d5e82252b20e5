package others

import (
	"context"
	"encoding/gob"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // which prints no routes
	gob.Register(&cart{})
	os.Exit(m.Run())
}

// site is a running application with one library.
type site struct {
	t     *testing.T
	url   string
	redis *redis.Client // as a user who may do everything, even after fail
	addr  string        // of Redis
	aid   string        // the option or call that the application uses, as the table names it; "" for none

	endAll  func(user string) error // nil if the library cannot
	ended   chan string             // gets the value "note" of sessions that expire; nil if the library does not tell
	waiting func() bool             // tells whether a request waits for a session; nil if none ever does

	ctx              context.Context //nolint:containedctx // it ends every wait of the handlers
	arrived, release chan struct{}
	running          sync.WaitGroup
	panicked         atomic.Bool // nothing in the application has recovered from a panic: it would be gone
}

// newSite returns a site that has an empty Redis, and no application yet.
func newSite(t *testing.T, server *redistest.Server, aid string) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	admin := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "admin", Password: "admin"})
	t.Cleanup(func() { _ = admin.Close() })
	if err := admin.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	return &site{
		t: t, redis: admin, addr: server.Addr(), aid: aid,
		ctx: ctx, arrived: make(chan struct{}), release: make(chan struct{}),
	}
}

// client is for the application. It is closed with the test, after the application's server.
func (s *site) client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// serve starts an application of net/http.
func (s *site) serve(h http.Handler) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = quiet
	s.t.Cleanup(server.Close)
	s.url = server.URL
}

// serveFiber starts an application of Fiber, v2 or v3.
func (s *site) serveFiber(serve func(l net.Listener) error, stop func(time.Duration) error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = serve(l)
	}()
	s.t.Cleanup(func() {
		_ = stop(0)
		<-served
	})
	s.url = "http://" + l.Addr().String()
}

// pause is called in a handler. It tells the test that the handler is there, and waits for the test.
func (s *site) pause() {
	select {
	case s.arrived <- struct{}{}:
	case <-s.ctx.Done():
	}
	select {
	case <-s.release:
	case <-s.ctx.Done():
	}
}

// fail has Redis refuse every command of the application, until heal.
func (s *site) fail() { s.permit("-@all") }
func (s *site) heal() { s.permit("+@all") }

func (s *site) permit(rule string) {
	if err := s.redis.Do(s.ctx, "ACL", "SETUSER", "default", rule).Err(); err != nil {
		s.t.Error(err)
	}
}

// browser keeps cookies.
type browser struct {
	*http.Client
	s   *site
	url *url.URL
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{Client: &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second}, s: s, url: u}
}

// thief returns a browser with one cookie, as somebody plants or steals it.
func (s *site) thief(name, value string) *browser {
	b := s.browser()
	b.Jar.SetCookies(b.url, []*http.Cookie{{Name: name, Value: value}})
	return b
}

// cookie returns the session's cookie.
func (b *browser) cookie() *http.Cookie {
	b.s.t.Helper()
	all := b.Jar.Cookies(b.url)
	if len(all) != 1 {
		b.s.t.Fatalf("the browser has %d cookies", len(all))
	}
	return all[0]
}

func (b *browser) get(path string) (status int, body string) {
	b.s.t.Helper()
	status, body, err := b.try(b.s.ctx, path)
	if err != nil {
		b.s.t.Error(err)
	}
	return status, body
}

func (b *browser) try(ctx context.Context, path string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.s.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	w, err := b.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer w.Body.Close()
	all, err := io.ReadAll(w.Body)
	return w.StatusCode, string(all), err
}

// must is get of a page that succeeds.
func (b *browser) must(path string) string {
	b.s.t.Helper()
	status, body := b.get(path)
	if status != http.StatusOK {
		b.s.t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

// meanwhile sends the request slow, and quick once slow has read the session. slow goes on when quick
// is answered, or waits for the session.
func (b *browser) meanwhile(slow, quick string) {
	s, other := b.s, b.s.thief(b.cookie().Name, b.cookie().Value)
	var both sync.WaitGroup
	both.Go(func() { b.get(slow) })
	select {
	case <-s.arrived:
	case <-s.ctx.Done():
		s.t.Error("the slow request has not come")
	}
	answered := make(chan struct{})
	both.Go(func() {
		defer close(answered)
		other.get(quick)
	})
	s.untilAnsweredOrWaits(answered)
	select {
	case s.release <- struct{}{}:
	case <-s.ctx.Done():
	}
	both.Wait()
}

func (s *site) untilAnsweredOrWaits(answered chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.waiting == nil || !s.waiting() {
		select {
		case <-answered:
			return
		case <-tick.C:
		case <-s.ctx.Done():
			s.t.Error("the quick request is not answered, and does not wait for the session")
			return
		}
	}
}
