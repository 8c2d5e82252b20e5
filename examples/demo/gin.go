package main

import (
	"github.com/gin-gonic/gin"

	"github.com/berthgo/berth/adapters/ginsession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

func ginServer(m *session.Manager, routes []shop.Route) server {
	gin.SetMode(gin.ReleaseMode) // prints no list of routes
	router := gin.New()
	router.RedirectTrailingSlash = false // no other framework does
	router.HandleMethodNotAllowed = true // all others do
	router.Use(gin.Recovery())
	for _, route := range routes {
		router.Handle(route.Method, route.Path, ginsession.Middleware(m, ginsession.WithAccess(session.Always(route.Access))),
			func(c *gin.Context) {
				answer := route.Handle(c.Request.Context(), shop.Request{
					Accept: c.GetHeader("Accept"),
					Form:   c.PostForm,
					Query:  c.Query,
				})
				for name, value := range answer.Header {
					c.Header(name, value)
				}
				c.Status(answer.Status)
				_, _ = c.Writer.Write(answer.Body)
			})
	}
	return httpServer(router)
}
