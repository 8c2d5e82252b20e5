package conformance_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/berthgo/berth/adapters/echo5session"
	"github.com/berthgo/berth/core/session"
)

// What Echo 5 alone has.

func askEcho5(t *testing.T, e *echo.Echo, method string) answered {
	t.Helper()
	return answerOf(t, func() (*http.Response, error) {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		e.ServeHTTP(w, r)
		return w.Result(), nil
	})
}

// savedIn returns the value of "k" in the session whose cookie a response has set.
func savedIn(t *testing.T, m *session.Manager, cookies []*http.Cookie) string {
	t.Helper()
	if len(cookies) != 1 {
		t.Errorf("%d cookies are set, want 1", len(cookies))
		return ""
	}
	value := ""
	err := m.Do(t.Context(), cookies[0].Value, session.ReadOnly, func(s *session.Session) error {
		value = session.GetOr(s, "k", "")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return value
}

// unencodable is a value that no codec can encode: the commit fails.
var unencodable = func() {}

// A hook that Echo calls before the first byte may change the session, whoever has registered it.
func TestEcho5BeforeHook(t *testing.T) {
	t.Parallel()
	m := manager(t)
	e := echo.New()
	early := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			response, err := echo.UnwrapResponse(c.Response())
			if err != nil {
				return err
			}
			response.Before(func() { echo5session.From(c).Set("k", "by a hook") })
			return next(c)
		}
	}
	e.Use(early, echo5session.Middleware(m))
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "done") })
	if got := savedIn(t, m, askEcho5(t, e, http.MethodGet).cookies); got != "by a hook" {
		t.Errorf("the session has %q", got)
	}
}

// A middleware around this one may buffer what the handler writes. If the commit fails, that is not
// sent, before or after the error page.
func TestEcho5BehindGzip(t *testing.T) {
	t.Parallel()
	m := manager(t)
	long := strings.Repeat("the handler's own ", 100)
	for name, minimum := range map[string]int{"buffered": 1 << 20, "compressed at once": 0} {
		for handler, write := range map[string]func(c *echo.Context) error{
			"string": func(c *echo.Context) error { return c.String(http.StatusOK, long) },
			"JSON":   func(c *echo.Context) error { return c.JSON(http.StatusOK, long) },
		} {
			e := echo.New()
			e.Use(middleware.GzipWithConfig(middleware.GzipConfig{MinLength: minimum}), echo5session.Middleware(m,
				echo5session.WithErrorHandler(func(c *echo.Context, _ error) error {
					return c.JSON(http.StatusTeapot, "sorry") // JSON has one writer for each context
				})))
			e.GET("/", func(c *echo.Context) error {
				echo5session.From(c).Set("k", unencodable)
				return write(c)
			})
			p := askEcho5(t, e, http.MethodGet)
			if encoding := p.header.Get("Content-Encoding"); p.status != http.StatusTeapot || p.body != "\"sorry\"\n" || encoding != "" {
				t.Errorf("%s, %s: the answer is %d %q %q, want the error page alone", name, handler, p.status, encoding, p.body)
			}

			e = echo.New()
			e.Use(middleware.GzipWithConfig(middleware.GzipConfig{MinLength: minimum}), echo5session.Middleware(m))
			e.GET("/", func(c *echo.Context) error {
				echo5session.From(c).Set("k", "v")
				return write(c)
			})
			if got := savedIn(t, m, askEcho5(t, e, http.MethodGet).cookies); got != "v" {
				t.Errorf("%s, %s: the session has %q", name, handler, got)
			}
		}
	}
}

// For HEAD, Echo calls the handler of GET with a writer that says Committed and sends nothing.
func TestEcho5HandlesHEAD(t *testing.T) {
	t.Parallel()
	m := manager(t)
	handler := func(value any) echo.HandlerFunc {
		return func(c *echo.Context) error {
			echo5session.From(c).Set("k", value)
			return c.String(http.StatusOK, "done")
		}
	}
	withHEAD := func(value any, global, route []echo.MiddlewareFunc) *echo.Echo {
		e := echo.NewWithConfig(echo.Config{Router: echo.NewRouter(echo.RouterConfig{AutoHandleHEAD: true})})
		e.Use(global...)
		e.GET("/", handler(value), route...)
		return e
	}
	own := []echo.MiddlewareFunc{echo5session.Middleware(m)}
	refusing := []echo.MiddlewareFunc{echo5session.Middleware(m, echo5session.RequirePrincipal(0))}
	for name, in := range map[string]func(value any, mw []echo.MiddlewareFunc) *echo.Echo{
		"around": func(value any, mw []echo.MiddlewareFunc) *echo.Echo { return withHEAD(value, mw, nil) },
		"inside": func(value any, mw []echo.MiddlewareFunc) *echo.Echo { return withHEAD(value, nil, mw) },
	} {
		p := askEcho5(t, in("v", own), http.MethodHead)
		if got := savedIn(t, m, p.cookies); p.status != http.StatusOK || got != "v" {
			t.Errorf("%s: the answer is %d, the session has %q", name, p.status, got)
		}
		if p := askEcho5(t, in(unencodable, own), http.MethodHead); p.status != http.StatusInternalServerError {
			t.Errorf("%s: after a failed commit the answer is %d", name, p.status)
		}
		if p := askEcho5(t, in("v", refusing), http.MethodHead); p.status != http.StatusUnauthorized {
			t.Errorf("%s: without a user the answer is %d", name, p.status)
		}
	}
}

// A ResponseWriter that hides Echo's Response is an error that says so.
func TestEcho5WithoutUnwrap(t *testing.T) {
	t.Parallel()
	e := echo.New()
	hide := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			shown := c.Response()
			c.SetResponse(struct{ http.ResponseWriter }{shown})
			err := next(c)
			if err == nil || !strings.Contains(err.Error(), "give it a method Unwrap") {
				t.Errorf("the error is %v", err)
			}
			c.SetResponse(shown)
			return err
		}
	}
	e.Use(hide, echo5session.Middleware(manager(t)))
	e.GET("/", func(*echo.Context) error {
		t.Error("the handler ran")
		return nil
	})
	if got := askEcho5(t, e, http.MethodGet).status; got != http.StatusInternalServerError {
		t.Errorf("the answer is %d", got)
	}
}

// Echo's ContextTimeout ends the context of a request. The session is saved all the same.
func TestEcho5ContextTimeout(t *testing.T) {
	t.Parallel()
	m := manager(t)
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc { // as ContextTimeout does, at once
		return func(c *echo.Context) error {
			ctx, cancel := context.WithCancel(c.Request().Context())
			defer cancel()
			c.Set("cancel", cancel)
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	}, echo5session.Middleware(m))
	e.GET("/", func(c *echo.Context) error {
		echo5session.From(c).Set("k", "v")
		c.Get("cancel").(context.CancelFunc)()
		return echo.ErrServiceUnavailable.Wrap(c.Request().Context().Err())
	})
	p := askEcho5(t, e, http.MethodGet)
	if got := savedIn(t, m, p.cookies); p.status != http.StatusServiceUnavailable || got != "v" {
		t.Errorf("the answer is %d, the session has %q", p.status, got)
	}
}

// Echo's HTTPErrorHandler decides.
func TestRefusalOfEcho5(t *testing.T) {
	t.Parallel()
	m := manager(t)
	need := echo5session.RequirePrincipal(0)
	for name, chain := range map[string][]echo.MiddlewareFunc{
		"first": {echo5session.Middleware(m, need)},
		"inner": {echo5session.Middleware(m), echo5session.Middleware(m, need)},
	} {
		e := echo.New()
		e.Use(chain...)
		e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "the handler's own") })
		wantAnswer(t, name, overHTTP(t, e), http.StatusUnauthorized, `{"message":"Unauthorized"}`)

		e.HTTPErrorHandler = func(c *echo.Context, err error) {
			if !errors.Is(err, session.ErrNoPrincipal) || echo.StatusCode(err) != http.StatusUnauthorized {
				t.Errorf("%s: HTTPErrorHandler got %v", name, err)
			}
			_ = c.String(http.StatusTeapot, "new here: "+echo5session.From(c).Principal())
		}
		wantAnswer(t, name, overHTTP(t, e), http.StatusTeapot, "new here:")
	}
}
