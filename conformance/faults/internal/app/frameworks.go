package app

import (
	"encoding/json"
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
	"github.com/berthgo/berth/conformance/faults/internal/wire"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

func queryOf(path string, get func(string) string) query {
	number := func(name string) int {
		n, _ := strconv.Atoi(get(name))
		return n
	}
	return query{
		path: path, begun: wire.Now(), op: number("op"), user: get("user"),
		pause: time.Duration(number("pause")) * time.Millisecond,
		own:   get("commit") != "", again: get("commit") == "again",
	}
}

// text returns the response to an answer. Only the commit of a middleware makes a response without an
// outcome a success.
func (x answer) text() (status int, body []byte) {
	body, err := json.Marshal(x.reply)
	if err != nil {
		panic(err)
	}
	if x.outcome == wire.Not || x.outcome == wire.Unknown {
		return http.StatusServiceUnavailable, body
	}
	return http.StatusOK, body
}

func tell(set func(name, value string), outcome, reason string) {
	set(wire.Outcome, outcome)
	set(wire.Reason, reason)
}

func (a *application) serveHTTP(l net.Listener) error {
	onError := func(w http.ResponseWriter, r *http.Request, err error) {
		outcome, reason := classify(err)
		tell(w.Header().Set, outcome, reason)
		httpsession.Error(w, r, err)
	}
	begun := httpsession.Middleware(a.manager,
		httpsession.WithAccessFunc(func(r *http.Request) session.Access { return access(r.URL.Path) }),
		httpsession.WithErrorHandler(onError))
	handler := begun(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.answerHTTP(w, r)
	}))
	server := &http.Server{Handler: stamp(handler), ErrorLog: log.New(io.Discard, "", 0)}
	return server.Serve(l)
}

// began is the header with which the time when a request came goes through the frameworks.
const began = "X-Began"

func stamp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(began, strconv.FormatInt(wire.Now(), 10))
		next.ServeHTTP(w, r)
	})
}

func (a *application) answerHTTP(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r.URL.Path, r.URL.Query().Get)
	q.begun, _ = strconv.ParseInt(r.Header.Get(began), 10, 64)
	x := a.handle(r.Context(), httpsession.From(r), q)
	if x.outcome != "" {
		tell(w.Header().Set, x.outcome, x.reason)
	}
	status, body := x.text()
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (a *application) serveGin(l net.Listener) error {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(ginsession.Middleware(a.manager,
		ginsession.WithAccessFunc(func(c *gin.Context) session.Access { return access(c.Request.URL.Path) }),
		ginsession.WithErrorHandler(func(c *gin.Context, err error) {
			outcome, reason := classify(err)
			tell(c.Header, outcome, reason)
			status, _ := session.HTTPStatus(err)
			c.String(status, "failed")
		})))
	engine.Any("/*path", func(c *gin.Context) { a.answerHTTP(c.Writer, c.Request) })
	server := &http.Server{Handler: stamp(engine), ErrorLog: log.New(io.Discard, "", 0)}
	return server.Serve(l)
}

func (a *application) serveFiber(l net.Listener) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(func(c *fiber.Ctx) error {
		c.Locals(began, wire.Now())
		return c.Next()
	})
	app.Use(fibersession.Middleware(a.manager,
		fibersession.WithAccessFunc(func(c *fiber.Ctx) session.Access { return access(c.Path()) }),
		fibersession.WithErrorHandler(func(c *fiber.Ctx, err error) error {
			outcome, reason := classify(err)
			tell(c.Set, outcome, reason)
			return fibersession.Error(c, err)
		})))
	app.All("/*", func(c *fiber.Ctx) error {
		q := queryOf(strings.Clone(c.Path()), func(name string) string { return strings.Clone(c.Query(name)) })
		q.begun, _ = c.Locals(began).(int64)
		x := a.handle(c.UserContext(), fibersession.From(c), q)
		if x.outcome != "" {
			tell(c.Set, x.outcome, x.reason)
		}
		status, body := x.text()
		return c.Status(status).Send(body)
	})
	return app.Listener(l)
}
