package login_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/login"
	"github.com/berthgo/berth/conformance/bench/login/berth"
	"github.com/berthgo/berth/conformance/bench/login/berthgin"
	"github.com/berthgo/berth/conformance/bench/login/gincontrib"
	"github.com/berthgo/berth/conformance/bench/login/scs"
	"github.com/berthgo/berth/core/redistest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // which prints no routes
	os.Exit(m.Run())
}

// application is the login application with one library. What docs/comparison.md says of the
// libraries is here too, so that the tests check it.
type application struct {
	folder string
	start  func(addr string, client *redis.Client) (http.Handler, error)

	rotates         bool          // a sign-in gives the browser another cookie, and the old one opens nothing
	forgets         bool          // what the session held of one user is gone when another signs in
	endsWithBrowser bool          // the cookie of those who are not remembered
	age             time.Duration // of a session that is not remembered
	takesTurns      bool          // of two requests at the same time, both changes are kept
	failure         int           // the status of a response when Redis is gone
}

var applications = []application{
	{
		folder: "berth",
		start: func(_ string, client *redis.Client) (http.Handler, error) {
			return berth.New(client)
		},
		rotates: true, forgets: true, endsWithBrowser: true, age: 20 * time.Minute, takesTurns: true,
		failure: http.StatusServiceUnavailable,
	},
	{
		folder: "berthgin",
		start: func(_ string, client *redis.Client) (http.Handler, error) {
			return berthgin.New(client)
		},
		rotates: true, forgets: true, endsWithBrowser: true, age: 20 * time.Minute, takesTurns: true,
		failure: http.StatusServiceUnavailable,
	},
	{
		folder: "scs",
		start: func(_ string, client *redis.Client) (http.Handler, error) {
			return scs.New(client), nil
		},
		rotates: true, endsWithBrowser: true, age: 24 * time.Hour,
		failure: http.StatusInternalServerError,
	},
	{
		folder: "gincontrib",
		start: func(addr string, _ *redis.Client) (http.Handler, error) {
			return gincontrib.New(addr, []byte("a key of thirty-two random bytes"))
		},
		age:     20 * time.Minute,
		failure: http.StatusInternalServerError,
	},
}

// each runs a test with each application, on a Redis of its own.
func each(t *testing.T, test func(t *testing.T, a application, b *browser)) {
	t.Parallel()
	redistest.NeedServer(t)
	for _, a := range applications {
		t.Run(a.folder, func(t *testing.T) {
			t.Parallel()
			server, err := redistest.Start(t.Context(), redistest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Stop() })
			b := open(t, a, server.Addr())
			b.server = server
			test(t, a, b)
		})
	}
}

// browser keeps cookies, and follows no redirects, so that a test sees each response.
type browser struct {
	*http.Client
	site   *url.URL
	redis  *redis.Client
	server *redistest.Server // nil in TestTurns
}

func open(t *testing.T, a application, addr string) *browser {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	handler, err := a.start(addr, client)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	site, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := server.Client()
	c.Jar, c.Timeout = jar, 30*time.Second
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{Client: c, site: site, redis: client}
}

// cookie returns what the browser sends.
func (b *browser) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	all := b.Jar.Cookies(b.site)
	if len(all) != 1 {
		t.Fatalf("the browser has %d cookies", len(all))
	}
	return all[0]
}

// sees fails the test if the page has another text.
func (b *browser) sees(t *testing.T, want string) {
	t.Helper()
	w, err := b.Get(b.site.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(body)); w.StatusCode != http.StatusOK || got != want {
		t.Errorf("the page is %d %s, want %s", w.StatusCode, got, want)
	}
}

// posts sends a form, and returns the cookie that came with the response, nil if none did.
func (b *browser) posts(t *testing.T, path string, form url.Values) *http.Cookie {
	t.Helper()
	w, err := b.PostForm(b.site.String()+path, form)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusSeeOther || w.Header.Get("Location") != "/" {
		t.Errorf("%s: %s, to %q", path, w.Status, w.Header.Get("Location"))
	}
	if all := w.Cookies(); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

var (
	correct    = url.Values{"user": {"ann"}, "password": {"open sesame"}}
	wrong      = url.Values{"user": {"ann"}, "password": {"open sesam"}}
	remembered = url.Values{"user": {"ann"}, "password": {"open sesame"}, "remember": {"on"}}
)

func TestStory(t *testing.T) {
	each(t, func(t *testing.T, a application, b *browser) {
		b.sees(t, `user "", visit 1, []`)
		b.sees(t, `user "", visit 2, []`)
		b.posts(t, "/login", wrong)
		b.sees(t, `user "", visit 3, [Wrong user or password.]`)
		b.sees(t, `user "", visit 4, []`)

		before := b.cookie(t)
		b.posts(t, "/login", correct)
		after := b.cookie(t)
		b.sees(t, `user "ann", visit 5, [Welcome.]`)
		b.sees(t, `user "ann", visit 6, []`)
		b.lives(t, a.age)

		b.Jar.SetCookies(b.site, []*http.Cookie{before})
		if a.rotates {
			b.sees(t, `user "", visit 1, []`)
		} else {
			b.sees(t, `user "ann", visit 7, []`)
		}

		b.Jar.SetCookies(b.site, []*http.Cookie{after})
		b.posts(t, "/logout", nil)
		if all := b.Jar.Cookies(b.site); len(all) != 0 {
			t.Errorf("after the sign-out the browser has the cookie %s", all[0].Name)
		}
		b.sees(t, `user "", visit 1, []`)
		b.Jar.SetCookies(b.site, []*http.Cookie{after})
		b.sees(t, `user "", visit 1, []`)
	})
}

func TestRemember(t *testing.T) {
	each(t, func(t *testing.T, a application, b *browser) {
		if c := b.posts(t, "/login", correct); c == nil {
			t.Fatal("the sign-in set no cookie")
		} else if (c.MaxAge == 0) != a.endsWithBrowser {
			t.Errorf("who is not remembered has a cookie with MaxAge %d", c.MaxAge)
		}
		b.lives(t, a.age)
		b.posts(t, "/logout", nil)

		c := b.posts(t, "/login", remembered)
		if c == nil {
			t.Fatal("the sign-in set no cookie")
		}
		if want := int(login.Remembered / time.Second); c.MaxAge < want-60 || c.MaxAge > want+1 {
			t.Errorf("who is remembered has a cookie with MaxAge %d", c.MaxAge)
		}
		b.lives(t, login.Remembered)
		b.sees(t, `user "ann", visit 1, [Welcome.]`)
		b.lives(t, login.Remembered) // later requests do not shorten it
		b.posts(t, "/login", wrong)
		b.lives(t, login.Remembered)
		b.sees(t, `user "ann", visit 2, [Wrong user or password.]`)
	})
}

func TestAnotherUser(t *testing.T) {
	each(t, func(t *testing.T, a application, b *browser) {
		b.posts(t, "/login", correct)
		b.sees(t, `user "ann", visit 1, [Welcome.]`)
		b.posts(t, "/login", url.Values{"user": {"bob"}, "password": correct["password"]})
		if a.forgets {
			b.sees(t, `user "bob", visit 1, [Welcome.]`)
		} else {
			b.sees(t, `user "bob", visit 2, [Welcome.]`)
		}
	})
}

// Nobody is told that something worked when Redis is gone.
func TestRedisGone(t *testing.T) {
	each(t, func(t *testing.T, a application, b *browser) {
		b.sees(t, `user "", visit 1, []`)
		if err := b.server.Stop(); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/login", "/logout"} {
			w, err := b.PostForm(b.site.String()+path, correct)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Body.Close()
			if w.StatusCode != a.failure {
				t.Errorf("%s: %s, want %d", path, w.Status, a.failure)
			}
		}
	})
}

// lives fails the test if the session that lives longest in Redis has another time to live, give or
// take a minute.
func (b *browser) lives(t *testing.T, want time.Duration) {
	t.Helper()
	keys, err := b.redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var longest time.Duration
	for _, key := range keys {
		if strings.Contains(key, "Principal") {
			continue // berth's index of a user's sessions
		}
		left, err := b.redis.TTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, left)
	}
	if longest < want-time.Minute || longest > want+time.Second {
		t.Errorf("the session lives for %v, want %v", longest, want)
	}
}
