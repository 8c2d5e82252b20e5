package conformance_test

import (
	"net"
	"net/http"

	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/httpsession"
)

var httpAdapter = conformance.Adapter{Name: "net/http", Serve: serveHTTP}

func serveHTTP(l net.Listener, app conformance.App) (stop func()) {
	behind, mux := http.NewServeMux(), http.NewServeMux()
	for path, handler := range app.Routes {
		behind.Handle(exact(path), conformance.HTTPHandler(handler, httpsession.From))
	}
	for path, handler := range app.Bare {
		mux.Handle(exact(path), conformance.HTTPHandler(handler, httpsession.From))
	}
	mux.Handle("/", conformance.HTTPChain(behind, app, httpsession.Middleware, httpsession.From))
	return conformance.ServeHTTP(l, mux)
}

// exact is the pattern of http.ServeMux for one path alone.
func exact(path string) string {
	if path == "/" {
		return "/{$}"
	}
	return path
}
