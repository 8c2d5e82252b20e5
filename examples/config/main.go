// Command config is the quick start with its settings outside of the program. They are in YAML or
// JSON files, whose names are the arguments, and in environment variables. Variables win over
// files.
//
//	go run ./config config/config.yaml
//	REDIS_URL=redis://:key@127.0.0.1:6379/2 SESSION_TIMEOUT=1h go run ./config
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const visits session.Key[int] = "visits"

func count(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	n, err := visits.Get(s)
	if err != nil && !errors.Is(err, session.ErrNoValue) {
		http.Error(w, "cannot read the session", http.StatusInternalServerError)
		return
	}
	visits.Set(s, n+1)
	fmt.Fprintf(w, "visit %d\n", n+1)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], env.ToMap(os.Environ())); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. Then it lets requests finish.
func run(ctx context.Context, files []string, environment map[string]string) (err error) {
	s, err := load(files, environment)
	if err != nil {
		return err
	}
	m, err := session.Open(s.Redis, s.Session)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()            // after the last commit
	log.Printf("http://%s, with sessions at %v", s.Listen, s.Redis) // prints no password

	server := &http.Server{Addr: s.Listen, Handler: httpsession.Middleware(m)(http.HandlerFunc(count))}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
