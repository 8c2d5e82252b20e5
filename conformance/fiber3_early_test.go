package conformance_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/timeout"

	"github.com/berthgo/berth/adapters/fiber3session"
	"github.com/berthgo/berth/core/session"
)

// Fiber 3 can answer before the handler has returned: by c.End, by c.Drop, and by its timeout.

// End commits first.
func TestFiber3End(t *testing.T) {
	t.Parallel()
	m, told := listening(t)
	f := fiber.New()
	f.Use(fiber3session.Middleware(m))
	f.Get("/", func(c fiber.Ctx) error {
		fiber3session.From(c).Set("k", "v")
		if err := c.SendString("done"); err != nil {
			return err
		}
		return fiber3session.End(c)
	})
	response, err := overSocket(t, f)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" {
		t.Errorf("the body is %q (%v)", body, err)
	}
	if got := savedIn(t, m, response.Cookies()); got != "v" {
		t.Errorf("the session has %q", got)
	}
	if n := told.count(session.ErrUnsent); n != 0 {
		t.Error("ErrUnsent is reported, but the cookie was sent")
	}
}

// A failed commit is the response: End sends nothing then.
func TestFiber3EndAfterAFailedCommit(t *testing.T) {
	t.Parallel()
	m, _ := listening(t)
	f := fiber.New()
	f.Use(fiber3session.Middleware(m))
	f.Get("/", func(c fiber.Ctx) error {
		fiber3session.From(c).Set("k", unencodable)
		_ = c.SendString("the handler's own")
		return fiber3session.End(c)
	})
	response, err := overSocket(t, f)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusInternalServerError {
		t.Errorf("the answer is %d, want 500", response.StatusCode)
	}
}

// c.End and c.Drop leave the session behind. A cookie that is not sent is reported, once.
func TestFiber3EndsOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c fiber.Ctx) error{
		"End":  func(c fiber.Ctx) error { return c.End() },
		"Drop": func(c fiber.Ctx) error { return c.Drop() },
	} {
		m, told := listening(t)
		f := fiber.New()
		f.Use(fiber3session.Middleware(m))
		f.Get("/", func(c fiber.Ctx) error {
			fiber3session.From(c).Set("k", "v")
			return end(c)
		})
		response, err := overSocket(t, f)
		if err == nil {
			response.Body.Close()
		}
		eventually(t, name+": ErrUnsent", func() bool { return told.count(session.ErrUnsent) == 1 })
	}
}

// A handler of net/http that takes the connection over sends headers of its own. Without the cookie,
// that is reported.
func TestFiber3HijackOfNetHTTP(t *testing.T) {
	t.Parallel()
	for _, tells := range []bool{true, false} {
		m, told := listening(t)
		f := fiber.New()
		over := make(chan struct{})
		f.Use(func(c fiber.Ctx) error {
			defer close(over)
			return c.Next()
		}, fiber3session.Middleware(m))
		f.Get("/", func(w http.ResponseWriter, r *http.Request) {
			s := session.FromContext(r.Context())
			s.Set("k", "v")
			header := http.Header{"Content-Length": {"0"}, "Connection": {"close"}}
			if tells {
				if err := s.Finish(r.Context()); err != nil {
					t.Error(err)
				}
				s.SetHeaders(r.Header, header, false)
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			<-over
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			_ = header.Write(conn)
			_, _ = io.WriteString(conn, "\r\n")
		})
		response, err := overSocket(t, f)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if cookies := len(response.Cookies()); (cookies == 1) != tells {
			t.Errorf("with Finish before: %t; %d cookies", tells, cookies)
		}
		if reported := told.count(session.ErrUnsent); (reported == 0) != tells {
			t.Errorf("with Finish before: %t; ErrUnsent is reported %d times", tells, reported)
		}
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("%s: not within 10 seconds", what)
			return
		}
	}
}

// overtime serves "/" by a handler that goes on after Fiber's timeout, until goOn is closed. It returns
// the handler's session, and a channel that is closed when the handler has returned.
func overtime(f *fiber.App, value any, goOn <-chan struct{}) (kept <-chan *session.Session, returned <-chan struct{}) {
	sessions, done := make(chan *session.Session, 1), make(chan struct{})
	begun, answered := make(chan struct{}), make(chan struct{})
	f.Use(func(c fiber.Ctx) error {
		_ = c.Next() // Fiber's ErrorHandler would write to what the handler writes to
		close(answered)
		return nil
	})
	f.Get("/", timeout.New(func(c fiber.Ctx) error {
		defer close(done)
		s := fiber3session.From(c)
		s.Set("k", value)
		sessions <- s
		close(begun)
		<-answered
		for {
			select {
			case <-goOn:
				s.Set("k", "too late")
				return nil
			default: // what the middleware must not touch meanwhile
				_ = c.Get("X-Forwarded-Proto")
				_ = c.Cookies("any")
				c.Set("X-Late", "yes")
				runtime.Gosched()
			}
		}
	}, timeout.Config{Timeout: time.Millisecond, OnTimeout: func(fiber.Ctx) error {
		<-begun
		return nil
	}}))
	return sessions, done
}

// Behind the middleware, Fiber's timeout is an answer: the session is saved as it is then.
func TestFiber3Timeout(t *testing.T) {
	t.Parallel()
	m, told := listening(t)
	goOn := make(chan struct{})
	f := fiber.New()
	f.Use(fiber3session.Middleware(m))
	kept, returned := overtime(f, "in time", goOn)
	response, err := overSocket(t, f)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := savedIn(t, m, response.Cookies()); response.StatusCode != http.StatusRequestTimeout || got != "in time" {
		t.Errorf("the answer is %d, the session has %q", response.StatusCode, got)
	}
	close(goOn)
	<-returned
	if s := <-kept; !errors.Is(s.Err(), session.ErrSealed) || told.count(session.ErrSealed) == 0 {
		t.Errorf("after a late change the session says %v", s.Err())
	}
}

// If the commit fails then, the client hears that, and not of the timeout.
func TestFiber3TimeoutAndAFailedCommit(t *testing.T) {
	t.Parallel()
	m, _ := listening(t)
	goOn := make(chan struct{})
	f := fiber.New()
	f.Use(fiber3session.Middleware(m))
	_, returned := overtime(f, unencodable, goOn)
	response, err := overSocket(t, f)
	close(goOn)
	<-returned
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusInternalServerError || string(body) != "Internal Server Error\n" || response.Header.Get("Vary") == "" {
		t.Errorf("the answer is %d %q", response.StatusCode, body)
	}
}

// Around the middleware, Fiber's timeout answers before the commit.
func TestFiber3TimeoutAround(t *testing.T) {
	t.Parallel()
	m, told := listening(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	f := fiber.New()
	f.Use(timeout.New(func(c fiber.Ctx) error { return c.Next() }, timeout.Config{
		Timeout: time.Millisecond,
		OnTimeout: func(fiber.Ctx) error {
			<-begun // Fiber itself orders nothing here
			return nil
		},
	}))
	f.Use(fiber3session.Middleware(m))
	f.Get("/", func(c fiber.Ctx) error {
		fiber3session.From(c).Set("k", "v")
		close(begun)
		<-goOn
		return nil
	})
	response, err := overSocket(t, f)
	close(goOn)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestTimeout || len(response.Cookies()) != 0 {
		t.Errorf("the answer is %d with %d cookies", response.StatusCode, len(response.Cookies()))
	}
	eventually(t, "ErrUnsent", func() bool { return told.count(session.ErrUnsent) == 1 })
}
