package gincontribstore_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/tester"
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/gincontribstore"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

func newStore(t *testing.T) sessions.Store {
	return storeOn(t, sessiontest.New(t, session.Options{}).Manager)
}

func storeOn(t *testing.T, m *session.Manager) *gincontribstore.Store {
	t.Helper()
	store, err := gincontribstore.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// gin-contrib's own tests of a store.
func TestOfGinContrib(t *testing.T) {
	t.Parallel()
	t.Run("GetSet", func(t *testing.T) { tester.GetSet(t, newStore) })
	t.Run("DeleteKey", func(t *testing.T) { tester.DeleteKey(t, newStore) })
	t.Run("Flashes", func(t *testing.T) { tester.Flashes(t, newStore) })
	t.Run("Clear", func(t *testing.T) { tester.Clear(t, newStore) })
	t.Run("Options", func(t *testing.T) { tester.Options(t, newStore) })
	t.Run("Many", func(t *testing.T) { tester.Many(t, newStore) })
}

// site is an application that is written for gin-contrib/sessions.
func site(store sessions.Store) *gin.Engine {
	engine := gin.New()
	engine.Use(sessions.Sessions("session", store))
	engine.GET("/count", func(c *gin.Context) {
		is := sessions.Default(c)
		n, _ := is.Get("n").(int)
		is.Set("n", n+1)
		answer(c, is.Save())
	})
	engine.GET("/set/:key", func(c *gin.Context) {
		is := sessions.Default(c)
		is.Set(c.Param("key"), 1)
		answer(c, is.Save())
	})
	engine.GET("/logout", func(c *gin.Context) {
		is := sessions.Default(c)
		is.Clear()
		is.Options(sessions.Options{MaxAge: -1})
		answer(c, is.Save())
	})
	engine.GET("/forget", func(c *gin.Context) { c.String(http.StatusOK, sessions.Default(c).ID()) })
	return engine
}

func answer(c *gin.Context, err error) {
	if err != nil {
		status, _ := session.HTTPStatus(err)
		c.String(status, err.Error())
		return
	}
	c.String(http.StatusOK, "ok")
}

// visit sends a request, and returns the status and the body of the response.
func visit(t *testing.T, c *sessiontest.Client, path string) (status int, body string) {
	t.Helper()
	response, err := c.Get(path)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(content)
}

// A visitor's session is there from request to request, until the logout. The browser is told to delete the
// cookie, although the handler has said nothing of its Path.
func TestSession(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{LockWait: -1})
	client := all.Client(site(storeOn(t, all.Manager)))
	for range 3 {
		visit(t, client, "/count")
	}
	cookie := client.Cookie()
	if n, err := session.Get[int](all.Session(cookie), "n"); n != 3 {
		t.Errorf("n is %d (%v)", n, err)
	}
	handle, _, _ := strings.Cut(cookie.Value, ".")
	if _, id := visit(t, client, "/forget"); id != handle {
		t.Errorf("the ID is %q, want the handle", id)
	}
	// The request that did not call Save holds nothing.
	if err := all.Manager.Do(t.Context(), cookie.Value, session.Exclusive, func(*session.Session) error { return nil }); err != nil {
		t.Error(err)
	}
	if status, body := visit(t, client, "/logout"); status != http.StatusOK || client.Cookie() != nil {
		t.Errorf("the logout says %d %s, and the cookie is %v", status, body, client.Cookie())
	}
	if _, err := all.Lookup(cookie); err == nil {
		t.Error("the session is still there")
	}
}

// Options of the store are those of new sessions.
func TestOptions(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	store := storeOn(t, all.Manager)
	store.Options(sessions.Options{Path: "/shop", MaxAge: 3600, SameSite: http.SameSiteStrictMode})
	response, err := all.Client(site(store)).Get("/set/a")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	c := response.Cookies()[0]
	if c.Path != "/shop" || c.MaxAge != 3600 || c.SameSite != http.SameSiteStrictMode || !c.HttpOnly || !c.Secure {
		t.Errorf("the cookie is %v", response.Header["Set-Cookie"])
	}
}

// Parallel requests do not lose each other's values.
func TestParallelRequests(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	client := all.Client(site(storeOn(t, all.Manager)))
	visit(t, client, "/count")
	var requests sync.WaitGroup
	for n := range 8 {
		requests.Go(func() { visit(t, client, fmt.Sprint("/set/", n)) })
	}
	requests.Wait()
	if n := all.Session(client.Cookie()).Len(); n != 9 {
		t.Errorf("the session has %d values", n)
	}
}

// Behind berth's middleware they take turns, and no count is lost.
func TestBehindTheMiddleware(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	around := func(engine http.Handler) http.Handler { return httpsession.Middleware(all.Manager)(engine) }
	client := all.Client(around(site(storeOn(t, all.Manager))))
	visit(t, client, "/count")
	var requests sync.WaitGroup
	for range 8 {
		requests.Go(func() { visit(t, client, "/count") })
	}
	requests.Wait()
	if n, err := session.Get[int](all.Session(client.Cookie()), "n"); n != 9 {
		t.Errorf("n is %d (%v)", n, err)
	}
}

// If Redis is gone, Save says so.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	client := all.Client(site(storeOn(t, all.Manager)))
	visit(t, client, "/count")
	restore := all.FailRedis()
	for _, path := range []string{"/count", "/logout"} {
		if status, body := visit(t, client, path); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	restore()
	if n, err := session.Get[int](all.Session(client.Cookie()), "n"); n != 1 {
		t.Errorf("n is %d (%v)", n, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := gincontribstore.New(nil); err == nil {
		t.Error("it takes no Manager")
	}
}
