package conformance_test

import (
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/conformance"
)

var chiAdapter = conformance.Adapter{Name: "chi", Serve: serveChi}

func serveChi(l net.Listener, app conformance.App) (stop func()) {
	router, bare := chi.NewRouter(), chi.NewRouter()
	router.Use(func(next http.Handler) http.Handler {
		return conformance.HTTPChain(next, app, chisession.Middleware, chisession.From)
	})
	for path, handler := range app.Routes {
		router.Handle(path, conformance.HTTPHandler(handler, chisession.From))
	}
	for path, handler := range app.Bare {
		bare.Handle(path, conformance.HTTPHandler(handler, chisession.From))
	}
	bare.Mount("/", router)
	return conformance.ServeHTTP(l, bare)
}
