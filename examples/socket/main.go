// Command socket closes a visitor's WebSockets when the visitor logs out, in whichever window, or
// when the session expires or is ended.
//
// It needs a Redis at port 6379. Open http://127.0.0.1:8080 in two windows.
package main

import (
	"context"
	_ "embed"
	"log"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

//go:embed page.html
var page []byte

// signedOut is the code of the close frame. Those from 4000 on are an application's own.
const signedOut websocket.StatusCode = 4001

// socket says the time to a signed-in user, until the session ends.
func socket(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.Principal() == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, nil) // the commit comes first: the socket holds no session
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()

	watched, stop := s.Watch(r.Context())
	defer stop()
	context.AfterFunc(watched, func() { _ = conn.Close(signedOut, context.Cause(watched).Error()) })

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

func handler(m *session.Manager) http.Handler {
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
	mux.HandleFunc("GET /socket", socket)
	access := session.ByRoute(map[string]session.Access{"GET /": session.ReadOnly, "POST /logout": session.Shared})
	return httpsession.Middleware(m, httpsession.WithAccess(access))(mux)
}

func main() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	m, err := session.New(client, session.Options{App: "socket"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler(m)))
}
