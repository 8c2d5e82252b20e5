package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/berthgo/berth/adapters/chisession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

func chiServer(m *session.Manager, routes []shop.Route) server {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	for _, route := range routes {
		router.With(chisession.Middleware(m, chisession.WithAccess(session.Always(route.Access)))).
			MethodFunc(route.Method, route.Path, func(w http.ResponseWriter, r *http.Request) {
				answer := route.Handle(r.Context(), shop.Request{
					Accept: r.Header.Get("Accept"),
					Form:   r.PostFormValue,
					Query:  r.URL.Query().Get,
				})
				for name, value := range answer.Header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(answer.Status)
				_, _ = w.Write(answer.Body)
			})
	}
	return httpServer(router)
}
