// Command fiber counts a visitor's requests in a session, under Fiber v2.
//
//	go run -C examples ./hello/fiber
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
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/berthgo/berth/adapters/fibersession"
	"github.com/berthgo/berth/core/session"
)

const visits session.Key[int] = "visits"

func count(c *fiber.Ctx) error {
	s := fibersession.From(c) // loaded, and locked until the handler has returned
	n := visits.GetOr(s, 0) + 1
	visits.Set(s, n)
	return c.SendString(fmt.Sprintf("visit %d\n", n)) // the session is saved before the first byte
}

func main() {
	m, err := session.Open(session.Config{URL: os.Getenv("REDIS_URL")}, session.Options{App: "hello"})
	if err != nil {
		log.Fatal(err)
	}
	// Shutdown waits for each connection that a browser has opened and not used: ReadTimeout ends it.
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: 5 * time.Second})
	app.Use(fibersession.Middleware(m))
	app.Get("/", count)

	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("http://%s", listener.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		stop()                                            // a second Ctrl-C ends the process at once
		done <- app.ShutdownWithTimeout(20 * time.Second) // what takes longer ends with the process
	})
	if err := app.Listener(listener); err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(<-done, m.Close()); err != nil { // in this order: requests that run still commit
		log.Fatal(err)
	}
}
