package conformance_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	fiberadaptor "github.com/gofiber/fiber/v2/middleware/adaptor"
	fiber3 "github.com/gofiber/fiber/v3"
	fiber3adaptor "github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/session"
	tests "github.com/berthgo/berth/core/sessiontest"
)

// mounts put the inspector below a prefix, as docs/inspector.md says, each in its framework's way.
var mounts = map[string]func(t *testing.T, inspector http.Handler) (url string){
	"net/http": func(t *testing.T, inspector http.Handler) string {
		mux := http.NewServeMux()
		mux.Handle("/admin/sessions/", inspector)
		return listen(t, mux)
	},
	"chi": func(t *testing.T, inspector http.Handler) string {
		r := chi.NewRouter()
		r.Mount("/admin/sessions/", inspector)
		return listen(t, r)
	},
	"gin": func(t *testing.T, inspector http.Handler) string {
		gin.SetMode(gin.TestMode)
		e := gin.New()
		e.Any("/admin/sessions/*page", gin.WrapH(inspector))
		return listen(t, e)
	},
	"echo": func(t *testing.T, inspector http.Handler) string {
		e := echo.New()
		e.Any("/admin/sessions/*", echo.WrapHandler(inspector))
		return listen(t, e)
	},
	"echo5": func(t *testing.T, inspector http.Handler) string {
		e := echo5.New()
		e.Any("/admin/sessions/*", echo5.WrapHandler(inspector))
		return listen(t, e)
	},
	"fiber": func(t *testing.T, inspector http.Handler) string {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		app.All("/admin/sessions/*", fiberadaptor.HTTPHandler(inspector))
		l := listener(t)
		go func() { _ = app.Listener(l) }() // Shutdown ends it
		t.Cleanup(func() { _ = app.Shutdown() })
		return "http://" + l.Addr().String()
	},
	"fiber3": func(t *testing.T, inspector http.Handler) string {
		app := fiber3.New()
		app.All("/admin/sessions/*", fiber3adaptor.HTTPHandler(inspector))
		l := listener(t)
		go func() { _ = app.Listener(l, fiber3.ListenConfig{DisableStartupMessage: true}) }() // Shutdown ends it
		t.Cleanup(func() { _ = app.Shutdown() })
		return "http://" + l.Addr().String()
	},
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	l := listener(t)
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }() // Close ends it
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

// Under every framework, an operator finds a user, opens a session by its link, and ends it; a page of
// another origin cannot.
func TestInspectorUnderEveryFramework(t *testing.T) {
	t.Parallel()
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tests.New(t, session.Options{Logger: slog.New(slog.DiscardHandler)})
			cookie := s.SignIn("ann", nil)
			at := mount(t, inspect.New(s.Manager, inspect.Options{Actions: true})) + "/admin/sessions/"
			ask := func(method, page string, header http.Header) (int, string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, at+page, nil)
				if err != nil {
					t.Fatal(err)
				}
				for name, values := range header {
					r.Header[name] = values
				}
				w, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = w.Body.Close() }()
				body, err := io.ReadAll(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				return w.StatusCode, string(body)
			}
			handle := s.Session(cookie).Handle()
			link := "session?handle=" + url.QueryEscape(handle)
			for _, page := range []string{"", "all", "of?principal=ann", link, "aside", "stats?still=1"} {
				status, body := ask(http.MethodGet, page, nil)
				if status != http.StatusOK {
					t.Errorf("%q: status %d", page, status)
				}
				if strings.HasPrefix(page, "of?") && !strings.Contains(body, `href="`+link) && !strings.Contains(body, `href="./`+link) {
					t.Errorf("the page of a user has no link to the session")
				}
			}
			end := "end-session?handle=" + handle
			if status, _ := ask(http.MethodPost, end, http.Header{"Origin": {"https://evil.example"}}); status != http.StatusForbidden {
				t.Errorf("another origin gets %d", status)
			}
			if _, err := s.Lookup(cookie); err != nil {
				t.Fatal("another origin has ended it")
			}
			if status, _ := ask(http.MethodPost, end, http.Header{"Sec-Fetch-Site": {"same-origin"}}); status != http.StatusOK {
				t.Errorf("the operator gets %d", status)
			}
			if _, err := s.Lookup(cookie); err == nil {
				t.Error("the session lives")
			}
		})
	}
}
