package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

// server has the methods of [http.Server] that the demo needs.
type server interface {
	// Serve returns when Shutdown is called, or when it fails.
	Serve(net.Listener) error
	// Shutdown lets requests finish, until ctx ends.
	Shutdown(ctx context.Context) error
}

var _ server = (*http.Server)(nil)

// frameworks are all values of FRAMEWORK.
var frameworks = []string{"chi", "gin", "echo", "echo5", "fiber", "fiber3"}

// serverFor returns the function that makes a server with a framework. Each framework has a file.
func serverFor(framework string) (func(*session.Manager, []shop.Route) server, error) {
	switch framework {
	case "chi":
		return chiServer, nil
	case "gin":
		return ginServer, nil
	case "echo":
		return echoServer, nil
	case "echo5":
		return echo5Server, nil
	case "fiber":
		return fiberServer, nil
	case "fiber3":
		return fiber3Server, nil
	}
	return nil, fmt.Errorf("FRAMEWORK is %q: it must be chi, gin, echo, echo5, fiber or fiber3", framework)
}

// httpServer is the server of all frameworks that build on net/http.
func httpServer(h http.Handler) server {
	return &http.Server{
		Handler:           http.MaxBytesHandler(h, shop.MaxForm),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}
