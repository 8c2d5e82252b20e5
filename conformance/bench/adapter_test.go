package main

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"github.com/valyala/fasthttp"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/redistest"
	"github.com/berthgo/berth/core/session"
)

var redisURL string

func TestMain(m *testing.M) {
	redistest.Main(m, func(url string) { redisURL = url }, func() error { return nil })
}

const visits session.Key[int] = "visits"

// visit is the handler of all benchmarks: what is posted changes the session.
func visit(s *session.Session, method string) {
	n, _ := visits.Get(s) // absent is 0
	if method == http.MethodPost {
		visits.Set(s, n+1)
	}
}

func access(method string) session.Access {
	if method == http.MethodPost {
		return session.Exclusive
	}
	return session.ReadOnly
}

// application is how a framework serves a request without a network: serve returns once
// the response is written. With no manager it serves without sessions.
type application func(m *session.Manager) (serve func(method, cookie string) (setCookie string))

var applications = map[string]application{
	"net-http": func(m *session.Manager) func(string, string) string {
		handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if m != nil {
				visit(httpsession.From(r), r.Method)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		if m != nil {
			handler = httpsession.Middleware(m, httpsession.WithAccessFunc(func(r *http.Request) session.Access {
				return access(r.Method)
			}))(handler)
		}
		return serveHTTP(handler)
	},
	"chi": func(m *session.Manager) func(string, string) string {
		r := chi.NewRouter()
		if m != nil {
			r.Use(chisession.Middleware(m, chisession.WithAccessFunc(func(r *http.Request) session.Access {
				return access(r.Method)
			})))
		}
		r.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if m != nil {
				visit(chisession.From(r), r.Method)
			}
			w.WriteHeader(http.StatusNoContent)
		})
		return serveHTTP(r)
	},
	"gin": func(m *session.Manager) func(string, string) string {
		gin.SetMode(gin.ReleaseMode)
		e := gin.New()
		if m != nil {
			e.Use(ginsession.Middleware(m, ginsession.WithAccessFunc(func(c *gin.Context) session.Access {
				return access(c.Request.Method)
			})))
		}
		e.Any("/", func(c *gin.Context) {
			if m != nil {
				visit(ginsession.From(c), c.Request.Method)
			}
			c.Status(http.StatusNoContent)
		})
		return serveHTTP(e)
	},
	"echo": func(m *session.Manager) func(string, string) string {
		e := echo.New()
		if m != nil {
			e.Use(echosession.Middleware(m, echosession.WithAccessFunc(func(c echo.Context) session.Access {
				return access(c.Request().Method)
			})))
		}
		e.Any("/", func(c echo.Context) error {
			if m != nil {
				visit(echosession.From(c), c.Request().Method)
			}
			return c.NoContent(http.StatusNoContent)
		})
		return serveHTTP(e)
	},
	"fiber": func(m *session.Manager) func(string, string) string {
		app := fiber.New()
		if m != nil {
			app.Use(fibersession.Middleware(m, fibersession.WithAccessFunc(func(c *fiber.Ctx) session.Access {
				return access(c.Method())
			})))
		}
		app.All("/", func(c *fiber.Ctx) error {
			if m != nil {
				visit(fibersession.From(c), c.Method())
			}
			return c.SendStatus(http.StatusNoContent)
		})
		handler := app.Handler()
		var request fasthttp.RequestCtx
		return func(method, cookie string) string {
			request.Request.Reset()
			request.Response.Reset()
			request.ResetUserValues()
			request.Request.Header.SetMethod(method)
			request.Request.SetRequestURI("/")
			if cookie != "" {
				request.Request.Header.Set("Cookie", cookie)
			}
			handler(&request)
			return string(request.Response.Header.Peek("Set-Cookie"))
		}
	},
}

// response is a ResponseWriter that allocates nothing.
type response struct{ header http.Header }

func (r *response) Header() http.Header         { return r.header }
func (r *response) Write(b []byte) (int, error) { return len(b), nil }
func (r *response) WriteHeader(int)             {}

func serveHTTP(h http.Handler) func(string, string) string {
	w := &response{header: http.Header{}}
	requests := map[string]*http.Request{}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		requests[method], _ = http.NewRequest(method, "/", http.NoBody)
	}
	return func(method, cookie string) string {
		clear(w.header)
		r := requests[method]
		if cookie == "" {
			delete(r.Header, "Cookie")
		} else if r.Header["Cookie"] == nil {
			r.Header["Cookie"] = []string{cookie}
		}
		h.ServeHTTP(w, r)
		return w.header.Get("Set-Cookie")
	}
}

// BenchmarkAdapter has, for each adapter, the framework alone and what the adapter and
// core add to it. In "no-cookie" no Redis takes part.
func BenchmarkAdapter(b *testing.B) {
	if redisURL == "" {
		b.Skip(redistest.ErrUnavailable)
	}
	o, err := redis.ParseURL(redisURL)
	if err != nil {
		b.Fatal(err)
	}
	o.MaxRetries, o.DialerRetries = -1, 1
	client := redis.NewClient(o)
	b.Cleanup(func() { _ = client.Close() })
	m, err := session.New(client, session.Options{App: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })

	for _, name := range []string{"net-http", "chi", "gin", "echo", "fiber"} {
		app := applications[name]
		run := func(what string, m *session.Manager, method, cookie string) {
			b.Run(name+"/"+what, func(b *testing.B) {
				serve := app(m)
				b.ReportAllocs()
				for b.Loop() {
					if serve(method, cookie) != "" {
						b.Fatal("a new session")
					}
				}
			})
		}
		cookie := app(m)(http.MethodPost, "")
		if cookie == "" {
			b.Fatalf("%s: no session was made", name)
		}
		run("framework-alone", nil, http.MethodGet, "")
		run("no-cookie", m, http.MethodGet, "")
		run("read-only", m, http.MethodGet, cookie)
		run("exclusive", m, http.MethodPost, cookie)
	}
}
