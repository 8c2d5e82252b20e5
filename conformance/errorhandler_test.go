package conformance_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v2"
	fiber3 "github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/adapters/echo5session"
	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/session"
)

// In a framework whose handlers return errors, WithErrorHandler may return one too. The framework's
// own error handler then answers it.
func TestErrorHandlerMayReturnAnError(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // never called
	t.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	closed, err := session.New(client, session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}

	for name, m := range map[string]*session.Manager{"commit": m, "begin": closed} {
		t.Run("echo/"+name, func(t *testing.T) {
			t.Parallel()
			e := echo.New()
			e.HTTPErrorHandler = func(err error, c echo.Context) { // ignores Committed
				_ = c.String(http.StatusTeapot, "the page of "+err.Error())
			}
			e.Use(echosession.Middleware(m, echosession.WithErrorHandler(func(echo.Context, error) error {
				return io.ErrUnexpectedEOF
			})))
			e.GET("/", func(c echo.Context) error {
				echosession.From(c).Set("k", func() {}) // no codec can encode it
				return c.String(http.StatusOK, "the handler's own")
			})
			response := httptest.NewRecorder()
			e.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			wantPage(t, response.Code, response.Body.String())
		})
		t.Run("echo5/"+name, func(t *testing.T) {
			t.Parallel()
			e := echo5.New()
			e.HTTPErrorHandler = func(c *echo5.Context, err error) { // ignores Committed
				_ = c.String(http.StatusTeapot, "the page of "+err.Error())
			}
			e.Use(echo5session.Middleware(m, echo5session.WithErrorHandler(func(*echo5.Context, error) error {
				return io.ErrUnexpectedEOF
			})))
			e.GET("/", func(c *echo5.Context) error {
				echo5session.From(c).Set("k", unencodable)
				return c.String(http.StatusOK, "the handler's own")
			})
			p := overHTTP(t, e)
			wantPage(t, p.status, p.body)
		})
		t.Run("fiber3/"+name, func(t *testing.T) {
			t.Parallel()
			f := fiber3.New(fiber3.Config{ErrorHandler: func(c fiber3.Ctx, err error) error {
				return c.Status(fiber3.StatusTeapot).SendString("the page of " + err.Error())
			}})
			f.Use(fiber3session.Middleware(m, fiber3session.WithErrorHandler(func(fiber3.Ctx, error) error {
				return io.ErrUnexpectedEOF
			})))
			f.Get("/", func(c fiber3.Ctx) error {
				fiber3session.From(c).Set("k", unencodable)
				return c.SendString("the handler's own")
			})
			p := askFiber3(t, f, "/", "")
			wantPage(t, p.status, p.body)
		})
		t.Run("fiber/"+name, func(t *testing.T) {
			t.Parallel()
			f := fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, err error) error {
				return c.Status(fiber.StatusTeapot).SendString("the page of " + err.Error())
			}})
			f.Use(fibersession.Middleware(m, fibersession.WithErrorHandler(func(*fiber.Ctx, error) error {
				return io.ErrUnexpectedEOF
			})))
			f.Get("/", func(c *fiber.Ctx) error {
				fibersession.From(c).Set("k", func() {})
				return c.SendString("the handler's own")
			})
			response, err := f.Test(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			wantPage(t, response.StatusCode, string(body))
		})
	}
}

func wantPage(t *testing.T, status int, body string) {
	t.Helper()
	if want := "the page of " + io.ErrUnexpectedEOF.Error(); status != http.StatusTeapot || body != want {
		t.Errorf("the answer is %d %q, want %q", status, body, want)
	}
}
