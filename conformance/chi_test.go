package conformance_test

import (
	"io"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/conformance"
	"github.com/berthgo/berth/core/session"
)

var chiAdapter = conformance.Adapter{Name: "chi", Serve: serveChi}

func serveChi(l net.Listener, app conformance.App) (stop func()) {
	var opts []chisession.Option
	if app.Access != nil {
		opts = append(opts, chisession.WithAccess(func(r *http.Request) session.Access { return app.Access[r.URL.Path] }))
	}
	if app.OnError != nil {
		opts = append(opts, chisession.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
			status, body := app.OnError(err)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	router, bare := chi.NewRouter(), chi.NewRouter()
	router.Use(chisession.Middleware(app.Manager, opts...))
	for path, handler := range app.Routes {
		router.HandleFunc(path, bridgeChi(handler))
	}
	for path, handler := range app.Bare {
		bare.HandleFunc(path, bridgeChi(handler))
	}
	bare.Mount("/", router)
	return conformance.ServeHTTP(l, bare)
}

func bridgeChi(handler conformance.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handler(conformance.HTTP(w, r, func() *session.Session { return chisession.From(r) })); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}
