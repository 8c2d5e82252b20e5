// Command demo shows what berth is for: six web frameworks side by side, on the same sessions, and a page to play
// with. Each serves a small shop that keeps its carts in berth sessions. The demo runs on an embedded Redis, so
// you need to install nothing. It also runs on a real one:
//
//	REDIS_URL=redis://127.0.0.1:6379 go run ./demo
//
// Its settings are environment variables:
//
//	REDIS_URL  the Redis to use: redis://[user:password@]host:port/db, or
//	           rediss:// for TLS. Defaults to an embedded one.
//	PORT       the port to listen on, at 127.0.0.1; 0 takes a free one. The frameworks take those after it,
//	           if they are free. Defaults to 8080.
//	FRAMEWORK  serves the shop alone, with chi, gin, echo, echo5, fiber or fiber3. Defaults to all of them
//	           and the page; chi then answers the shop's addresses at PORT.
//	APP        the name that starts every key in Redis. Defaults to shop.
//	INSTANCE   the name of this process in answers. Defaults to its process ID.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
)

func main() {
	logging.Disable() // go-redis: berth logs the same failures
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
