package conformance_test

import (
	"io"
	"net"
	"net/http"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

var httpAdapter = conformance.Adapter{Name: "net/http", Serve: serveHTTP}

func serveHTTP(l net.Listener, app conformance.App) (stop func()) {
	var opts []httpsession.Option
	if app.Access != nil {
		opts = append(opts, httpsession.WithAccess(func(r *http.Request) session.Access { return app.Access[r.URL.Path] }))
	}
	if app.OnError != nil {
		opts = append(opts, httpsession.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
			status, body := app.OnError(err)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	behind, mux := http.NewServeMux(), http.NewServeMux()
	for path, handler := range app.Routes {
		behind.HandleFunc(exact(path), bridgeHTTP(handler))
	}
	for path, handler := range app.Bare {
		mux.HandleFunc(exact(path), bridgeHTTP(handler))
	}
	mux.Handle("/", httpsession.Middleware(app.Manager, opts...)(behind))
	return conformance.ServeHTTP(l, mux)
}

func bridgeHTTP(handler conformance.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handler(conformance.HTTP(w, r, func() *session.Session { return httpsession.From(r) })); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// exact is the pattern of http.ServeMux for one path alone.
func exact(path string) string {
	if path == "/" {
		return "/{$}"
	}
	return path
}
