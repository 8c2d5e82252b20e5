package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/berthgo/berth/examples/demo/stage"
)

// runAll serves the page at listener and each framework at a port of its own, until ctx ends.
func runAll(ctx context.Context, set settings, store *store, listener net.Listener) error {
	s, err := stage.New(stage.Config{
		App: set.app, RetryTimeout: retryTime, Client: store.client, Switch: store.power, Logger: set.logger,
	})
	if err != nil {
		return err
	}
	defer s.Close()
	servers, err := startAll(ctx, set, store, s, listener.Addr())
	defer servers.stop()
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	handler, err := s.Front(place(set, store, servers.places), transport)
	if err != nil {
		return err
	}
	front := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	front.RegisterOnShutdown(s.Leave)

	ending, stop := context.WithCancel(ctx)
	var ends sync.WaitGroup
	defer ends.Wait()
	defer stop()
	ends.Go(func() {
		if err := s.HandleEnds(ending); err != nil {
			set.logger.Error("demo", "error", err)
		}
	})

	var each []string
	for _, f := range servers.places {
		each = append(each, f.Name+" "+f.URL[strings.LastIndex(f.URL, ":"):])
	}
	fmt.Fprintf(set.stdout, "demo:  http://%s\nshop:  http://%[1]s (%s)\nRedis: %s\nCtrl-C stops it\n",
		listener.Addr(), strings.Join(each, ", "), store.name)
	return serve(ctx, front, listener, s.Manager, set.stdout)
}

// running are the servers of all frameworks.
type running struct {
	places    []stage.Framework
	servers   []server
	listeners []net.Listener
	served    sync.WaitGroup
}

// startAll starts a server for each framework, at the ports after that of the page where these are free.
func startAll(ctx context.Context, set settings, store *store, s *stage.Stage, page net.Addr) (*running, error) {
	all := &running{}
	for i, framework := range frameworks {
		newServer, err := serverFor(framework)
		if err != nil {
			return all, err
		}
		port := 0
		if at, ok := page.(*net.TCPAddr); ok && set.fixed {
			port = at.Port + 1 + i
		}
		listener, err := listen(ctx, strconv.Itoa(port))
		if err != nil {
			if listener, err = listen(ctx, "0"); err != nil {
				return all, err
			}
		}
		srv := newServer(s.Manager, s.Routes(set.shop(framework, store), framework))
		all.places = append(all.places, stage.Framework{Name: framework, URL: "http://" + listener.Addr().String()})
		all.servers, all.listeners = append(all.servers, srv), append(all.listeners, listener)
		all.served.Go(func() {
			if err := srv.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				set.logger.Error("a server failed", "framework", framework, "error", err)
			}
		})
	}
	return all, nil
}

// stop lets requests finish, which the page has sent, and ends the servers.
func (r *running) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	for i, srv := range r.servers {
		_ = srv.Shutdown(ctx)
		_ = r.listeners[i].Close() // Shutdown may have come before Serve
	}
	r.served.Wait()
}

// place says where things are.
func place(set settings, store *store, frameworks []stage.Framework) stage.Place {
	o := store.client.Options()
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		host, port = o.Addr, ""
	}
	redis, _, _ := strings.Cut(store.name, ",")
	return stage.Place{
		Frameworks: frameworks, Redis: redis, Host: host, Port: port, DB: o.DB, TLS: o.TLSConfig != nil, App: set.app,
		Embedded: store.embedded,
	}
}
