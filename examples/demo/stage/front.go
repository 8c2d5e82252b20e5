package stage

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

//go:embed assets
var assets embed.FS

var page = template.Must(template.ParseFS(assets, "assets/page.html"))

// Framework is a server that runs beside the others.
type Framework struct {
	Name string // "chi"
	URL  string // "http://127.0.0.1:8081"
}

// Place says where things are, for the page.
type Place struct {
	Frameworks []Framework // the first one serves unknown paths
	Redis      string
	Host, Port string // of the Redis, for the command line
	App        string
	DB         int
	TLS        bool
	Embedded   bool
}

// Front returns the page and all that it needs. It passes /on/NAME/… on to a framework, and what it does not know
// to the first.
func (s *Stage) Front(p Place, transport http.RoundTripper) (http.Handler, error) {
	var html bytes.Buffer
	if err := page.Execute(&html, p); err != nil {
		return nil, fmt.Errorf("the page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		_, _ = w.Write(html.Bytes())
	})
	files := http.StripPrefix("/demo/", http.FileServerFS(assets))
	mux.HandleFunc("GET /demo/assets/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
	// Without Redis there is a stream all the same, at once. It tells when Redis is back.
	peek := httpsession.Middleware(s.modes["error"], httpsession.WithAccess(session.Always(session.Peek)),
		httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, _ error) { s.follow(w, r, nil) }))
	mux.Handle("GET /demo/events", peek(http.HandlerFunc(s.stream)))
	mux.HandleFunc("POST /demo/redis", s.turn)
	mux.HandleFunc("POST /demo/mode/{mode}", s.mode)
	mux.Handle("/demo/scs/", s.rival())
	mux.Handle("/inspect/", inspect.New(s.Manager, inspect.Options{Title: "Demo", Show: show}))
	for i, f := range p.Frameworks {
		target, err := url.Parse(f.URL)
		if err != nil {
			return nil, err
		}
		pass := &httputil.ReverseProxy{Transport: transport, ErrorHandler: s.unreachable, Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, there := r.In.Header[name]; there {
					r.Out.Header[name] = values
				}
			}
		}}
		mux.Handle("/on/"+f.Name+"/", http.StripPrefix("/on/"+f.Name, pass))
		if i == 0 {
			mux.Handle("/", pass)
		}
	}
	guarded := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if strings.HasPrefix(r.URL.Path, "/demo/") || strings.HasPrefix(r.URL.Path, "/on/") {
			guarded.Handler(mux).ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

// unreachable answers where a framework does not. A visitor who has gone needs no answer.
func (s *Stage) unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.ErrorContext(r.Context(), "a framework does not answer", "error", err)
	}
	w.WriteHeader(http.StatusBadGateway)
}

// show has the inspector show what is in the cart.
func show(_ *http.Request, of *session.Session, name string) (string, bool) {
	if name != string(shop.CartKey) {
		return "", false
	}
	cart, err := shop.CartKey.Get(of)
	return strings.Join(cart.Items, ", "), err == nil
}
