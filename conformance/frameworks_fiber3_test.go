package conformance_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	redisserver "github.com/alicebob/miniredis/v2"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/encryptcookie"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// What Fiber 3 alone has.

func askFiber3(t *testing.T, f *fiber.App, path, cookie string) answered {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	return answerOf(t, func() (*http.Response, error) { return f.Test(request, fiber.TestConfig{}) })
}

// Whatever form a handler has, it finds the session in the context that it has.
func TestFiber3Handlers(t *testing.T) {
	t.Parallel()
	m := manager(t)
	count := func(s *session.Session) string {
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		return string(rune('1' + n))
	}
	plain := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, count(session.FromContext(r.Context())))
	}
	f := fiber.New()
	f.Use(fiber3session.Middleware(m))
	f.Get("/c", func(c fiber.Ctx) error { return c.SendString(count(session.FromContext(c))) })
	f.Get("/context", func(c fiber.Ctx) error { return c.SendString(count(session.FromContext(c.Context()))) })
	f.Get("/another", func(c fiber.Ctx) error {
		c.SetContext(context.Background()) // From needs it no more
		return c.SendString(count(fiber3session.From(c)))
	})
	f.Get("/func", plain)
	f.Get("/handler", http.HandlerFunc(plain))
	f.Get("/twice", httpsession.Middleware(m)(http.HandlerFunc(plain)))
	f.Get("/express", func(req fiber.Req, res fiber.Res) error {
		return res.SendString(count(session.FromContext(req.RequestCtx())))
	})
	f.Get("/flush", func(w http.ResponseWriter, r *http.Request) {
		plain(w, r)
		w.(http.Flusher).Flush()
	})
	cookie := ""
	for i, path := range []string{"/c", "/context", "/another", "/func", "/handler", "/twice", "/express", "/flush"} {
		p := askFiber3(t, f, path, cookie)
		if want := string(rune('1' + i)); p.body != want {
			t.Errorf("%s answers %q, want %s", path, p.body, want)
		}
		if len(p.cookies) == 1 {
			cookie = p.cookies[0].Name + "=" + p.cookies[0].Value
		}
	}
}

// Fiber runs a handler of net/http in a goroutine of its own. Its panic rolls back too.
func TestFiber3PanicOfNetHTTP(t *testing.T) {
	t.Parallel()
	f := fiber.New()
	f.Use(recover.New(), fiber3session.Middleware(manager(t)))
	f.Get("/", func(_ http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).Set("k", "lost")
		panic("a handler's own")
	})
	if p := askFiber3(t, f, "/", ""); p.status != http.StatusInternalServerError || len(p.cookies) != 0 {
		t.Errorf("the answer is %d with %d cookies, want 500 without one", p.status, len(p.cookies))
	}
}

// A test of a handler, or another middleware, puts a session into the context by itself.
func TestFiber3FromFindsNewContext(t *testing.T) {
	t.Parallel()
	s, err := manager(t).Begin(t.Context(), "", session.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Rollback(t.Context())
	f := fiber.New()
	f.Use(func(c fiber.Ctx) error {
		c.SetContext(session.NewContext(c.Context(), s))
		return c.Next()
	})
	f.Get("/", func(c fiber.Ctx) error {
		fiber3session.From(c).Set("k", "v")
		return nil
	})
	if p := askFiber3(t, f, "/", ""); p.status != http.StatusOK || !s.Has("k") {
		t.Errorf("the answer is %d %s; From returned another session: %t", p.status, p.body, !s.Has("k"))
	}
}

// Fiber's encryptcookie puts the decrypted cookie into the request, and encrypts what the response
// sets.
func TestFiber3WithEncryptedCookies(t *testing.T) {
	t.Parallel()
	f := fiber.New()
	f.Use(encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey(32)}), fiber3session.Middleware(manager(t)))
	f.Get("/", func(c fiber.Ctx) error {
		s := fiber3session.From(c)
		n, _ := session.Get[int](s, "n")
		s.Set("n", n+1)
		return c.SendString(string(rune('1' + n)))
	})
	set := askFiber3(t, f, "/", "").cookies
	if len(set) != 1 {
		t.Fatalf("%d cookies are set", len(set))
	}
	if p := askFiber3(t, f, "/", set[0].Name+"="+set[0].Value); p.body != "2" {
		t.Errorf("the second answer is %q, want 2", p.body)
	}
}

// Fiber's ErrorHandler decides.
func TestRefusalOfFiber3(t *testing.T) {
	t.Parallel()
	m := manager(t)
	need := fiber3session.RequirePrincipal(0)
	own := func(c fiber.Ctx, err error) error {
		coded := (*fiber.Error)(nil)
		if !errors.Is(err, session.ErrNoPrincipal) || !errors.As(err, &coded) || coded.Code != http.StatusUnauthorized {
			t.Errorf("ErrorHandler got %v", err)
		}
		return c.Status(http.StatusTeapot).SendString("new here: " + fiber3session.From(c).Principal())
	}
	for name, chain := range map[string][]any{
		"first": {fiber3session.Middleware(m, need)},
		"inner": {fiber3session.Middleware(m), fiber3session.Middleware(m, need)},
	} {
		for _, handler := range []fiber.ErrorHandler{nil, own} {
			f := fiber.New(fiber.Config{ErrorHandler: handler})
			f.Use(chain...)
			f.Get("/", func(c fiber.Ctx) error { return c.SendString("the handler's own") })
			got := askFiber3(t, f, "/", "")
			if handler == nil {
				wantAnswer(t, name, got, http.StatusUnauthorized, "Unauthorized")
			} else {
				wantAnswer(t, name, got, http.StatusTeapot, "new here:")
			}
		}
	}
}

// failures are what OnError was told.
type failures struct {
	mu  sync.Mutex
	all []error
}

func (f *failures) count(want error) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, err := range f.all {
		if errors.Is(err, want) {
			n++
		}
	}
	return n
}

// listening returns a manager whose OnError is told to failures.
func listening(t *testing.T) (*session.Manager, *failures) {
	t.Helper()
	mini := redisserver.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	told := &failures{}
	m, err := session.New(client, session.Options{App: "frameworks", Logger: slog.New(slog.DiscardHandler), Hooks: session.Hooks{
		OnError: func(_ context.Context, err error) {
			told.mu.Lock()
			defer told.mu.Unlock()
			told.all = append(told.all, err)
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m, told
}

// overSocket serves f on a real connection, and asks it for "/".
func overSocket(t *testing.T, f *fiber.App) (*http.Response, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = f.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Do(request)
	client.CloseIdleConnections()
	t.Cleanup(func() {
		_ = f.ShutdownWithTimeout(10 * time.Second)
		<-served
	})
	return response, err
}
