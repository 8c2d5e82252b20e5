// Command socket closes a visitor's WebSockets when the visitor logs out, in whichever window, or
// when the session expires or is ended.
//
//	go run -C examples ./socket
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, and PORT another port than 8080. Open
// http://127.0.0.1:8080 in two windows, log in, and load both. Log out in one: the other says that its socket is closed,
// and why. Ctrl-C closes them too, for another reason.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

//go:embed page.html
var page []byte

// signedOut is the code of the close frame. Those from 4000 on are an application's own.
const signedOut websocket.StatusCode = 4001

// sockets are those that are open.
type sockets struct{ sync.WaitGroup }

// serve says the time to a signed-in user, until the session ends.
func (open *sockets) serve(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.Principal() == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	open.Add(1) // before Accept: from then on, Shutdown does not wait for this handler
	defer open.Done()
	conn, err := websocket.Accept(w, r, nil) // the commit comes first: the socket holds no session
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()

	watched, stop := s.Watch(r.Context())
	defer stop()
	context.AfterFunc(watched, func() {
		code, why := signedOut, context.Cause(watched)
		if !errors.Is(why, session.ErrEnded) {
			code = websocket.StatusGoingAway // the program ends
		}
		_ = conn.Close(code, why.Error())
	})

	gone := conn.CloseRead(r.Context()) // ends when the client goes, or when the socket was closed
	for {
		if conn.Write(gone, websocket.MessageText, []byte(time.Now().Format(time.TimeOnly))) != nil {
			return
		}
		select {
		case <-gone.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func handler(m *session.Manager, open *sockets) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).SetPrincipal("ann") // a real program asks for a password
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).Abandon()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /socket", open.serve)
	access := session.ByRoute(map[string]session.Access{"GET /": session.ReadOnly, "POST /logout": session.Shared})
	sessions := httpsession.Middleware(m, httpsession.WithAccess(access))
	return http.NewCrossOriginProtection().Handler(sessions(mux)) // nobody else's page signs a visitor in
}

// run serves until ctx ends. Then it lets requests finish, for stopTime, and closes the sockets.
func run(ctx context.Context, listener net.Listener, redis string, stopTime time.Duration) error {
	m, err := session.Open(session.Config{URL: redis}, session.Options{App: "socket"})
	if err != nil {
		return err
	}
	log.Printf("http://%s", listener.Addr())
	var open sockets
	server := &http.Server{Handler: handler(m, &open), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		done <- errors.Join(server.Shutdown(limited), server.Close()) // Close cuts off what takes longer
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, m.Close())
	}
	err = errors.Join(<-done, m.Close()) // Close ends the watches, and with them the sockets
	open.Wait()
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	if err := run(ctx, listener, os.Getenv("REDIS_URL"), 20*time.Second); err != nil {
		log.Fatal(err)
	}
}
