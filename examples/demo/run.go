package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/examples/demo/shop"
)

const (
	// retryTime is how long a request waits while Redis restarts.
	retryTime = 2 * time.Second

	// stopTime is how long requests may go on after a signal to stop. A request that still waits
	// for its session after waitTime gives up, so that it can still answer.
	stopTime = 10 * time.Second
	waitTime = 6 * time.Second
)

// settings are what the environment says.
type settings struct {
	app, instance string
	fixed         bool // PORT names a port, and not any free one
	logger        *slog.Logger
	stdout        io.Writer
}

// run serves the shop until ctx ends. It returns nil after an orderly stop.
func run(ctx context.Context, env func(string) string, stdout io.Writer) error {
	framework := env("FRAMEWORK")
	newServer, err := serverFor(cmp.Or(framework, frameworks[0]))
	if err != nil {
		return err
	}
	port := cmp.Or(env("PORT"), "8080")
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	defer listener.Close()
	store, err := openRedis(ctx, env("REDIS_URL"))
	if err != nil {
		return err
	}
	defer store.close()
	set := settings{
		app:      cmp.Or(env("APP"), "shop"),
		instance: cmp.Or(env("INSTANCE"), strconv.Itoa(os.Getpid())),
		fixed:    port != "0",
		logger:   slog.New(slog.NewTextHandler(stdout, nil)),
		stdout:   stdout,
	}
	if framework == "" {
		return runAll(ctx, set, store, listener)
	}
	m, err := session.New(store.client, session.Options{App: set.app, RetryTimeout: retryTime, Logger: set.logger})
	if err != nil {
		return err
	}
	defer m.Close()
	srv := newServer(m, set.shop(framework, store).Routes())
	fmt.Fprintf(stdout, "shop:  http://%s (%s)\nRedis: %s\nCtrl-C stops it\n", listener.Addr(), framework, store.name)
	return serve(ctx, srv, listener, m, stdout)
}

// shop is the shop of one framework.
func (s settings) shop(framework string, store *store) *shop.Shop {
	ping := func(ctx context.Context) error { return store.client.Ping(ctx).Err() }
	return shop.New(framework+"-"+s.instance, ping, s.logger)
}

// serve runs the server until ctx ends. Then it lets requests finish.
func serve(ctx context.Context, srv server, listener net.Listener, m *session.Manager, stdout io.Writer) error {
	served := make(chan struct{})
	var failure error
	go func() {
		defer close(served)
		failure = srv.Serve(listener)
	}()
	select {
	case <-served:
		return fmt.Errorf("the server failed: %w", failure)
	case <-ctx.Done():
	}
	fmt.Fprintln(stdout, "stopping; Ctrl-C again stops at once")
	defer time.AfterFunc(waitTime, func() { _ = m.Close() }).Stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopped, but cut off requests that took longer than %v", stopTime)
	}
	_ = listener.Close() // Shutdown may have come before Serve
	<-served
	return err
}

func listen(ctx context.Context, port string) (net.Listener, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("PORT is %q: it must be a number from 0 to 65535", port)
	} else {
		port = strconv.FormatUint(n, 10)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use: stop the program that listens there, or choose another port, as in PORT=8081 make demo", port)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w; PORT chooses another port", err)
	}
	return listener, nil
}
