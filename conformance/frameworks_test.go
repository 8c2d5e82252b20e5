package conformance_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	redisserver "github.com/alicebob/miniredis/v2"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/encryptcookie"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// What one framework alone has.

func manager(t *testing.T) *session.Manager {
	t.Helper()
	mini := redisserver.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{App: "frameworks", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// Gin's Stream wants to know when the client goes away.
func TestGinStream(t *testing.T) {
	t.Parallel()
	m := manager(t)
	stream := func(c *gin.Context) {
		session.FromContext(c.Request.Context()).Set("k", "v")
		n := 0
		c.Stream(func(io.Writer) bool {
			c.SSEvent("tick", n)
			n++
			return n < 2
		})
	}
	behind, own := gin.New(), gin.New()
	behind.GET("/", stream)
	own.Use(ginsession.Middleware(m))
	own.GET("/", stream)
	for name, h := range map[string]http.Handler{"httpsession": httpsession.Middleware(m)(behind), "ginsession": own} {
		server := httptest.NewServer(h)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := answerOf(t, func() (*http.Response, error) { return server.Client().Do(request) })
		server.Close()
		if want := "event:tick\ndata:0\n\nevent:tick\ndata:1\n\n"; p.body != want {
			t.Errorf("%s: the stream is %q, want %q", name, p.body, want)
		}
		if len(p.cookies) != 1 {
			t.Errorf("%s: the stream sets %d cookies, want 1", name, len(p.cookies))
		}
	}
}

// A stream ends when its client goes away.
func TestGinStreamOfAClientThatGoes(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	ended := make(chan bool, 1)
	engine.GET("/", func(c *gin.Context) {
		deadline := time.Now().Add(10 * time.Second)
		ended <- c.Stream(func(w io.Writer) bool {
			_, _ = io.WriteString(w, "tick\n")
			return time.Now().Before(deadline)
		})
	})
	server := httptest.NewServer(httpsession.Middleware(manager(t))(engine))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	if !<-ended {
		t.Error("Stream does not say that the client went away")
	}
}

// answered is a response, read to its end.
type answered struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
}

func answerOf(t *testing.T, send func() (*http.Response, error)) answered {
	t.Helper()
	response, err := send()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, response.Cookies(), string(body)}
}

// A handler of net/http finds the session behind Fiber's adaptor, also one with the middleware of
// net/http around it.
func TestFiberAdaptor(t *testing.T) {
	t.Parallel()
	m := manager(t)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		_, _ = io.WriteString(w, string(rune('1'+n)))
	})
	f := fiber.New()
	f.Use(fibersession.Middleware(m))
	f.Get("/bare", adaptor.HTTPHandler(h))
	f.Get("/twice", adaptor.HTTPHandler(httpsession.Middleware(m)(h)))
	cookie := ""
	for i, path := range []string{"/bare", "/bare", "/twice"} {
		p := ask(t, f, path, cookie)
		if want := string(rune('1' + i)); p.body != want {
			t.Errorf("%s answers %q, want %s", path, p.body, want)
		}
		if len(p.cookies) == 1 {
			cookie = p.cookies[0].Name + "=" + p.cookies[0].Value
		}
	}
}

// A test of a handler, or another middleware, puts a session into the context by itself.
func TestFiberFromFindsNewContext(t *testing.T) {
	t.Parallel()
	s, err := manager(t).Begin(t.Context(), "", session.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Rollback(t.Context())
	f := fiber.New()
	f.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(session.NewContext(c.UserContext(), s))
		return c.Next()
	})
	f.Get("/", func(c *fiber.Ctx) error {
		fibersession.From(c).Set("k", "v")
		return nil
	})
	if p := ask(t, f, "/", ""); p.status != http.StatusOK {
		t.Fatalf("the answer is %d %s", p.status, p.body)
	}
	if !s.Has("k") {
		t.Error("From returned another session")
	}
}

// Fiber's encryptcookie puts the decrypted cookie into the request, and encrypts what the response
// sets.
func TestFiberWithEncryptedCookies(t *testing.T) {
	t.Parallel()
	f := fiber.New()
	f.Use(encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()}), fibersession.Middleware(manager(t)))
	f.Get("/", func(c *fiber.Ctx) error {
		s := fibersession.From(c)
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		return c.SendString(string(rune('1' + n)))
	})
	set := ask(t, f, "/", "").cookies
	if len(set) != 1 {
		t.Fatalf("%d cookies are set", len(set))
	}
	if p := ask(t, f, "/", set[0].Name+"="+set[0].Value); p.body != "2" {
		t.Errorf("the second answer is %q, want 2", p.body)
	}
}

func ask(t *testing.T, f *fiber.App, path, cookie string) answered {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	return answerOf(t, func() (*http.Response, error) { return f.Test(request, -1) })
}
