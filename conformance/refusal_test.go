package conformance_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// A request without the user that its route needs is answered in the framework's own way.

func overHTTP(t *testing.T, h http.Handler) answered {
	t.Helper()
	return answerOf(t, func() (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return w.Result(), nil
	})
}

func wantAnswer(t *testing.T, name string, got answered, status int, body string) {
	t.Helper()
	if got.status != status || strings.TrimSpace(got.body) != body {
		t.Errorf("%s: the answer is %d %q, want %d %q", name, got.status, got.body, status, body)
	}
}

func TestRefusalOfNetHTTP(t *testing.T) {
	t.Parallel()
	h := httpsession.Middleware(manager(t), httpsession.RequirePrincipal(0))(http.NotFoundHandler())
	wantAnswer(t, "default", overHTTP(t, h), http.StatusUnauthorized, "Unauthorized")
}

// Echo's HTTPErrorHandler decides.
func TestRefusalOfEcho(t *testing.T) {
	t.Parallel()
	m := manager(t)
	need := echosession.RequirePrincipal(0)
	for name, chain := range map[string][]echo.MiddlewareFunc{
		"first": {echosession.Middleware(m, need)},
		"inner": {echosession.Middleware(m), echosession.Middleware(m, need)},
	} {
		e := echo.New()
		e.Use(chain...)
		e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "the handler's own") })
		wantAnswer(t, name, overHTTP(t, e), http.StatusUnauthorized, `{"message":"Unauthorized"}`)

		e.HTTPErrorHandler = func(err error, c echo.Context) {
			coded := (*echo.HTTPError)(nil)
			if !errors.Is(err, session.ErrNoPrincipal) || !errors.As(err, &coded) || coded.Code != http.StatusUnauthorized {
				t.Errorf("%s: HTTPErrorHandler got %v", name, err)
			}
			_ = c.String(http.StatusTeapot, "new here: "+echosession.From(c).Principal())
		}
		wantAnswer(t, name, overHTTP(t, e), http.StatusTeapot, "new here:")
	}
}

// Fiber's ErrorHandler decides.
func TestRefusalOfFiber(t *testing.T) {
	t.Parallel()
	m := manager(t)
	need := fibersession.RequirePrincipal(0)
	own := func(c *fiber.Ctx, err error) error {
		coded := (*fiber.Error)(nil)
		if !errors.Is(err, session.ErrNoPrincipal) || !errors.As(err, &coded) || coded.Code != http.StatusUnauthorized {
			t.Errorf("ErrorHandler got %v", err)
		}
		return c.Status(http.StatusTeapot).SendString("new here: " + fibersession.From(c).Principal())
	}
	for name, chain := range map[string][]any{
		"first": {fibersession.Middleware(m, need)},
		"inner": {fibersession.Middleware(m), fibersession.Middleware(m, need)},
	} {
		for _, handler := range []fiber.ErrorHandler{nil, own} {
			f := fiber.New(fiber.Config{ErrorHandler: handler})
			for _, one := range chain {
				f.Use(one)
			}
			f.Get("/", func(c *fiber.Ctx) error { return c.SendString("the handler's own") })
			got := ask(t, f, "/", "")
			if handler == nil {
				wantAnswer(t, name, got, http.StatusUnauthorized, "Unauthorized")
			} else {
				wantAnswer(t, name, got, http.StatusTeapot, "new here:")
			}
		}
	}
}

// Gin's later handlers are not called.
func TestRefusalOfGin(t *testing.T) {
	t.Parallel()
	m := manager(t)
	need := ginsession.RequirePrincipal(0)
	own := ginsession.WithErrorHandler(func(c *gin.Context, err error) {
		if !c.IsAborted() || !errors.Is(err, session.ErrNoPrincipal) {
			t.Errorf("aborted: %t, error: %v", c.IsAborted(), err)
		}
		c.String(http.StatusTeapot, "new here: "+ginsession.From(c).Principal())
	})
	for name, chain := range map[string]gin.HandlersChain{
		"first":     {ginsession.Middleware(m, need)},
		"inner":     {ginsession.Middleware(m), ginsession.Middleware(m, need)},
		"own first": {ginsession.Middleware(m, need, own)},
		"own inner": {ginsession.Middleware(m), ginsession.Middleware(m, need, own)},
	} {
		g := gin.New()
		g.Use(chain...)
		g.GET("/", func(*gin.Context) { t.Errorf("%s: the handler ran", name) })
		if strings.HasPrefix(name, "own") {
			wantAnswer(t, name, overHTTP(t, g), http.StatusTeapot, "new here:")
		} else {
			wantAnswer(t, name, overHTTP(t, g), http.StatusUnauthorized, "Unauthorized")
		}
	}
}
