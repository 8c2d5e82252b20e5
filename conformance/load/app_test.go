//go:build testall

package load

import (
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const (
	number session.Key[int]    = "n"
	cart   session.Key[string] = "cart"
	seen   session.Key[string] = "seen"
)

const (
	// briefly is the idle timeout of sessions that nobody comes back to.
	briefly = time.Second
	// floodHold is how long a request of the flood holds its session, like one that asks a database.
	floodHold = 25 * time.Millisecond
)

// application is what the servers serve.
type application struct {
	m *session.Manager
	// besides is what a broken application does in each request. It is nil in one that is not broken.
	besides func(s *session.Session)
}

// access is by path. All other paths are Exclusive.
func access(path string) session.Access {
	switch path {
	case "/read":
		return session.ReadOnly
	case "/merge":
		return session.Shared
	default:
		return session.Exclusive
	}
}

var bought = strings.Repeat("apple ", 40)

// handle answers a request with the number in its session.
func (a application) handle(s *session.Session, path, user string) string {
	if a.besides != nil {
		a.besides(s)
	}
	n := number.GetOr(s, 0)
	switch path {
	case "/new", "/brief":
		number.Set(s, 0)
		cart.Set(s, bought)
		if path == "/brief" {
			s.SetTimeout(briefly)
		}
	case "/change":
		n++
		number.Set(s, n)
	case "/merge":
		seen.Set(s, time.Now().String())
	case "/rotate":
		s.Rotate()
	case "/in":
		s.SetPrincipal(user)
		s.SetCompanion("user " + user)
	case "/out":
		s.Abandon()
	case "/flood":
		n++
		number.Set(s, n)
		<-time.After(floodHold)
	}
	return strconv.Itoa(n)
}

var paths = []string{"/new", "/brief", "/read", "/change", "/merge", "/rotate", "/in", "/out", "/flood"}

// framework serves the application at l until stop is called, which closes l too.
type framework struct {
	name  string
	serve func(l net.Listener, a application) (stop func())
}

var frameworks = []framework{{"net/http", serveHTTP}, {"gin", serveGin}, {"fiber", serveFiber}}

func serveHTTP(l net.Listener, a application) (stop func()) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, a.handle(httpsession.From(r), r.URL.Path, r.URL.Query().Get("user")))
	})
	byPath := httpsession.WithAccessFunc(func(r *http.Request) session.Access { return access(r.URL.Path) })
	return serveHandler(l, httpsession.Middleware(a.m, byPath)(h))
}

func serveGin(l net.Listener, a application) (stop func()) {
	engine := gin.New()
	engine.Use(ginsession.Middleware(a.m, ginsession.WithAccessFunc(func(c *gin.Context) session.Access { return access(c.FullPath()) })))
	for _, path := range paths {
		engine.GET(path, func(c *gin.Context) {
			c.String(http.StatusOK, "%s", a.handle(ginsession.From(c), path, c.Query("user")))
		})
	}
	return serveHandler(l, engine)
}

func serveHandler(l net.Listener, h http.Handler) (stop func()) {
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	return serve(func() { _ = server.Serve(l) }, func() { _ = server.Close() })
}

func serveFiber(l net.Listener, a application) (stop func()) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(fibersession.Middleware(a.m, fibersession.WithAccessFunc(func(c *fiber.Ctx) session.Access { return access(c.Path()) })))
	for _, path := range paths {
		app.Get(path, func(c *fiber.Ctx) error {
			return c.SendString(a.handle(fibersession.From(c), path, strings.Clone(c.Query("user"))))
		})
	}
	return serve(func() { _ = app.Listener(l) }, func() { _ = app.ShutdownWithTimeout(patience) })
}

func serve(run, shut func()) (stop func()) {
	served := make(chan struct{})
	go func() {
		defer close(served)
		run()
	}()
	return func() {
		shut()
		<-served
	}
}
