package conformance_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"unsafe"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

func echoWithBeforeHook(l net.Listener, app conformance.App) (stop func()) {
	return serveEchoWith(l, app, func(app conformance.App) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				r := c.Request()
				s, err := app.Manager.Adapter().Begin(r.Context(), requestOf(r), app.Access[r.URL.Path])
				if err != nil {
					page(app)(c.Response(), r, err)
					return nil
				}
				defer s.Rollback(r.Context())
				c.SetRequest(r.WithContext(session.NewContext(r.Context(), s)))
				commit := sync.OnceFunc(func() {
					_ = s.Finish(r.Context())
					s.SetHeaders(r.Header, c.Response().Header(), r.TLS != nil)
				})
				c.Response().Before(commit)
				err = next(c)
				commit()
				return err
			}
		}
	})
}

func requestOf(r *http.Request) session.Request {
	return session.Request{Headers: r.Header, Method: r.Method, Path: r.URL.Path, Host: r.Host}
}

// page is the application's answer to an error.
func page(app conformance.App) func(w http.ResponseWriter, r *http.Request, err error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		if app.OnError == nil {
			httpsession.Error(w, r, err)
			return
		}
		status, body := app.OnError(err)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func ginWithoutHeaderNow(l net.Listener, app conformance.App) (stop func()) {
	return serveGinWith(l, app, ginByHand(func(outer gin.ResponseWriter, w http.ResponseWriter) gin.ResponseWriter {
		return &ginWriter{outer, w}
	}))
}

func ginWithoutWriter(l net.Listener, app conformance.App) (stop func()) {
	return serveGinWith(l, app, ginByHand(func(outer gin.ResponseWriter, _ http.ResponseWriter) gin.ResponseWriter {
		return outer
	}))
}

func ginByHand(wrap func(outer gin.ResponseWriter, w http.ResponseWriter) gin.ResponseWriter) func(app conformance.App) gin.HandlerFunc {
	return func(app conformance.App) gin.HandlerFunc {
		return func(c *gin.Context) {
			onError := func(w http.ResponseWriter, r *http.Request, err error) {
				c.Abort()
				page(app)(w, r, err)
			}
			access := func(r *http.Request) session.Access { return app.Access[r.URL.Path] }
			httpsession.Serve(c.Writer, c.Request, app.Manager, httpsession.Terms{Access: access, OnError: onError},
				func(w http.ResponseWriter, r *http.Request) {
					c.Writer, c.Request = wrap(c.Writer, w), r
					c.Next()
				})
		}
	}
}

type ginWriter struct {
	gin.ResponseWriter
	session http.ResponseWriter
}

func (w *ginWriter) Write(b []byte) (int, error)       { return w.session.Write(b) }
func (w *ginWriter) WriteString(s string) (int, error) { return w.session.Write([]byte(s)) }
func (w *ginWriter) Flush()                            { w.session.(http.Flusher).Flush() }
func (w *ginWriter) Unwrap() http.ResponseWriter       { return w.session }

func (w *ginWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.session.(http.Hijacker).Hijack()
}

func fiberWithoutDefer(l net.Listener, app conformance.App) (stop func()) {
	return serveFiberWith(l, app, fiberByHand(func(b []byte) string { return string(b) }, false), fiberFrom)
}

func fiberWithPeek(l net.Listener, app conformance.App) (stop func()) {
	return serveFiberWith(l, app, fiberByHand(func(b []byte) string { return string(b) }, true), fiberFrom)
}

func fiberWithoutClone(l net.Listener, app conformance.App) (stop func()) {
	return serveFiberWith(l, app, fiberByHand(func(b []byte) string { return unsafe.String(&b[0], len(b)) }, true), fiberFrom)
}

// fiberByHand reads headers with text. With panics, it rolls back after a panic.
func fiberByHand(text func([]byte) string, panics bool) func(app conformance.App) fiber.Handler {
	return func(app conformance.App) fiber.Handler {
		return func(c *fiber.Ctx) error {
			ctx := c.UserContext()
			h := fiberHeader{c, text}
			path := text(c.Request().URI().PathOriginal())
			r := session.Request{Headers: h, Method: c.Method(), Path: path, Host: string(c.Context().Host())}
			s, err := app.Manager.Adapter().Begin(ctx, r, app.Access[strings.Clone(path)])
			if err != nil {
				return fiberPage(c, app, err)
			}
			if panics {
				defer s.Rollback(ctx)
			}
			c.SetUserContext(session.NewContext(ctx, s))
			err = c.Next()
			if err := s.Finish(ctx); err != nil {
				return fiberPage(c, app, err)
			}
			s.SetHeaders(h, h, c.Context().IsTLS())
			return err
		}
	}
}

func fiberPage(c *fiber.Ctx, app conformance.App, err error) error {
	c.Response().Reset()
	if app.OnError == nil {
		return fibersession.Error(c, err)
	}
	status, body := app.OnError(err)
	return c.Status(status).SendString(body)
}

func fiberFrom(c *fiber.Ctx) *session.Session { return session.FromContext(c.UserContext()) }

type fiberHeader struct {
	c    *fiber.Ctx
	text func([]byte) string
}

func (h fiberHeader) Values(name string) []string {
	var values []string
	for _, value := range h.c.Request().Header.PeekAll(name) {
		if len(value) > 0 {
			values = append(values, h.text(value))
		}
	}
	return values
}

func (h fiberHeader) Set(name, value string) { h.c.Response().Header.Set(name, value) }
func (h fiberHeader) Add(name, value string) { h.c.Response().Header.Add(name, value) }
func (h fiberHeader) Del(name string)        { h.c.Response().Header.Del(name) }
