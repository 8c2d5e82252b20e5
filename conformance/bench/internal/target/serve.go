package target

import (
	"io"
	"log"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v2"
)

// application is a target's handler, of net/http or of Fiber.
type application struct {
	handler http.Handler
	fiber   *fiber.App
	close   func()
}

func (a *application) serve() (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	served := make(chan struct{})
	server := &http.Server{Handler: a.handler, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(served)
		if a.fiber != nil {
			_ = a.fiber.Listener(l)
		} else {
			_ = server.Serve(l)
		}
	}()
	return l.Addr().String(), func() {
		if a.fiber != nil {
			_ = a.fiber.ShutdownWithTimeout(0)
		} else {
			_ = server.Close()
		}
		<-served
		if a.close != nil {
			a.close()
		}
	}, nil
}

func newFiber() *fiber.App { return fiber.New(fiber.Config{DisableStartupMessage: true}) }
