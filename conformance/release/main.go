package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "../..", os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does what the arguments say, with the checkout in dir.
func run(ctx context.Context, dir string, args []string, out io.Writer) error {
	r, err := open(dir)
	if err != nil {
		return err
	}
	switch command := append(args, "", "")[0]; {
	case command == "prepare" && len(args) == 2:
		return r.prepare(ctx, args[1], out)
	case command == "tag" && len(args) == 2:
		return r.tag(ctx, args[1], out)
	case command == "apidiff" && len(args) == 1:
		return r.apidiff(ctx, out)
	case command == "api" && len(args) == 1:
		return r.writeAPI(r.path("conformance", "release", "api"))
	}
	return errors.New("release: the arguments are prepare VERSION, tag VERSION, apidiff or api")
}
