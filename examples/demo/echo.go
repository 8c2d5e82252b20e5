package main

import (
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/berthgo/berth/adapters/echosession"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

func echoServer(m *session.Manager, routes []shop.Route) server {
	router := echo.New()
	router.Use(middleware.Recover())
	for _, route := range routes {
		router.Add(route.Method, route.Path, func(c echo.Context) error {
			answer := route.Handle(c.Request().Context(), shop.Request{
				Accept: c.Request().Header.Get("Accept"),
				Form:   c.Request().PostFormValue, // c.FormValue has the URL's as well
				Query:  c.QueryParam,
			})
			for name, value := range answer.Header {
				c.Response().Header().Set(name, value)
			}
			c.Response().WriteHeader(answer.Status)
			_, err := c.Response().Write(answer.Body)
			return err
		}, echosession.Middleware(m, echosession.WithAccess(session.Always(route.Access))))
	}
	return httpServer(router)
}
