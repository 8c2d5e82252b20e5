// Command echo5 counts a visitor's requests in a session, under Echo v5.
//
//	go run -C examples ./hello/echo5
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, and PORT another port than 8080. Open
// http://127.0.0.1:8080 and load the page again: the number grows. Ctrl-C lets the requests that run finish, for 20 seconds.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/berthgo/berth/adapters/echo5session"
	"github.com/berthgo/berth/core/session"
)

const visits session.Key[int] = "visits"

func count(c *echo.Context) error {
	s := echo5session.From(c) // loaded, and locked until the answer
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	return c.String(http.StatusOK, fmt.Sprintf("visit %d\n", n)) // the session is saved before the first byte
}

func main() {
	m, err := session.Open(session.Config{URL: os.Getenv("REDIS_URL")}, session.Options{App: "hello"})
	if err != nil {
		log.Fatal(err)
	}
	router := echo.New()
	router.Use(echo5session.Middleware(m))
	router.GET("/", count)
	server := &http.Server{Handler: router, ReadHeaderTimeout: 5 * time.Second}

	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("http://%s", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends the process at once
		limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		done <- server.Shutdown(limit) // what takes longer ends with the process
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := errors.Join(<-done, m.Close()); err != nil { // in this order: requests that run still commit
		log.Fatal(err)
	}
}
