// Command outside uses sessions outside of requests. The messages of a WebSocket have the visitor's session ID, and use
// [session.Manager.Do]. A job that runs later has the handle, and uses [session.Manager.DoHandle].
//
//	go run -C examples ./outside
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, and PORT another port than 8080. Open
// http://127.0.0.1:8080, and type wishes: each is a message, and is in the session at once. Order them: the answer
// comes first, and a job puts them among the orders a moment later. Load the page again to see that.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
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

const (
	wishes session.Key[[]string] = "wishes"
	orders session.Key[[]string] = "orders"
)

//go:embed page.html
var source string

var page = template.Must(template.New("").Parse(source))

// over is the code of the close frame when the session has ended. Those from 4000 on are an application's own.
const over websocket.StatusCode = 4001

// shop has the routes. They hand jobs, which are handles of sessions, to the worker.
type shop struct {
	m       *session.Manager
	jobs    chan string
	closing context.Context // ends when sockets are to close
	running sync.WaitGroup  // requests, and sockets, for which Shutdown does not wait
}

func (*shop) show(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.IsNew() {
		wishes.Set(s, nil) // so that there is a session before the socket
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, map[string][]string{"Wishes": wishes.GetOr(s, nil), "Orders": orders.GetOr(s, nil)}); err != nil {
		log.Print(err) // the client has gone
	}
}

// newest returns the last 20 of a list. Clients send any number, and a session stays small.
func newest(all []string) []string { return all[max(0, len(all)-20):] }

// socket adds each message to the wishes. Between messages it holds nothing.
func (b *shop) socket(w http.ResponseWriter, r *http.Request) {
	id := session.FromContext(r.Context()).ID() // opens the session: it must not be logged
	if id == "" {
		http.Error(w, "You have no session: load the page first.", http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	defer context.AfterFunc(b.closing, func() { _ = conn.Close(websocket.StatusGoingAway, "The server stops.") })()
	for {
		_, wish, err := conn.Read(r.Context())
		if err != nil {
			return // the client has gone
		}
		var n int
		err = b.m.Do(r.Context(), id, session.Exclusive, func(s *session.Session) error {
			all := newest(append(wishes.GetOr(s, nil), string(wish)))
			wishes.Set(s, all)
			n = len(all)
			return nil
		})
		answer := fmt.Sprintf("%d wishes", n)
		switch {
		case errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrUnknown):
			_ = conn.Close(over, "Your session has ended: load the page again.") // it comes back with its new cookie
			return
		case err != nil:
			log.Print(err)
			answer = "That was not saved: try again."
		}
		if conn.Write(r.Context(), websocket.MessageText, []byte(answer)) != nil {
			return
		}
	}
}

// order leaves the work to a job, and answers at once.
func (b *shop) order(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.IsNew() || s.Detached() {
		http.Error(w, "You have no session: load the page first.", http.StatusConflict)
		return
	}
	select {
	case b.jobs <- s.Handle(): // opens nothing: it may be in a queue, or in a log
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, "Your order is on its way.")
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "There are too many orders: try again.", http.StatusServiceUnavailable)
	}
}

// work does jobs until there are no more. A real program keeps them in a queue that outlives the process.
func (b *shop) work() {
	for handle := range b.jobs {
		err := b.m.DoHandle(context.Background(), handle, session.Exclusive, func(s *session.Session) error {
			orders.Set(s, newest(append(orders.GetOr(s, nil), wishes.Pop(s)...)))
			return nil
		})
		if err != nil { // session.ErrUnknown and ErrEnded: the visitor has gone
			log.Printf("the order of %s: %v", handle, err)
		}
	}
}

func (b *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.show)
	mux.HandleFunc("GET /socket", b.socket)
	mux.HandleFunc("POST /order", b.order)
	access := session.ByRoute(map[string]session.Access{"GET /socket": session.ReadOnly, "POST /order": session.ReadOnly})
	sessions := httpsession.Middleware(b.m, httpsession.WithAccess(access))(mux)
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.running.Add(1)
		defer b.running.Done()
		sessions.ServeHTTP(w, r)
	})
	return http.NewCrossOriginProtection().Handler(counted) // nobody else's page orders for a visitor
}

// run serves until ctx ends. Then it lets requests, messages and jobs finish, for stopTime.
func run(ctx context.Context, listener net.Listener, redis string, stopTime time.Duration) (err error) {
	// Messages and jobs have nobody who sends them again, so berth tries longer.
	options := session.Options{App: "outside", RetryTimeout: 10 * time.Second}
	m, err := session.Open(session.Config{URL: redis}, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }() // after the last commit
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	b := &shop{m: m, jobs: make(chan string, 100), closing: ctx}
	var worker sync.WaitGroup
	worker.Go(b.work)
	log.Printf("http://%s", listener.Addr())

	server := &http.Server{Handler: b.handler(), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		done <- errors.Join(server.Shutdown(limited), server.Close()) // Close cuts off what takes longer
	})
	if err = server.Serve(listener); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stop()                                                          // if Serve has failed
	defer time.AfterFunc(stopTime, func() { _ = m.Close() }).Stop() // jobs and messages that wait then get ErrClosed
	err = errors.Join(err, <-done)
	b.running.Wait()
	close(b.jobs) // no request is left that has one
	worker.Wait()
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
