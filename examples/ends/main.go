// Command ends writes the carts of sessions that have ended into SQLite, whether the visitor has logged out, an operator
// has ended the session, or it has expired.
//
//	go run -C examples/ends .
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, PORT another port than 8080, ARCHIVE another file
// than ends.db, and TIMEOUT another idle timeout than 20s. Put something into the cart of a session, leave it alone,
// and look at the archive 20 seconds later:
//
//	curl -c jar -b jar -d item=tea http://127.0.0.1:8080/cart
//	curl http://127.0.0.1:8080/ended
//
// Or end the program before, and start it again later: it then finds the sessions that have ended meanwhile.
//
// It is a module of its own, so that nobody else needs SQLite.
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
	"strings"
	"syscall"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const cart session.Key[[]string] = "cart"

func add(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if user := r.PostFormValue("user"); user != "" {
		s.SetPrincipal(user) // a real program asks for a password
	}
	items := append(cart.GetOr(s, nil), r.PostFormValue("item"))
	cart.Set(s, items)
	fmt.Fprintf(w, "Your cart: %s\n", strings.Join(items, ", "))
}

func logout(w http.ResponseWriter, r *http.Request) {
	session.FromContext(r.Context()).Abandon()
	fmt.Fprintln(w, "Goodbye.")
}

// ended lists the archive. Here everybody sees it. An application gives the route a [httpsession.RequirePrincipal], and
// asks whether the user is an operator.
func (a archive) ended(w http.ResponseWriter, r *http.Request) {
	lines, err := a.last(r.Context(), 100)
	if err != nil {
		log.Print(err)
		http.Error(w, "The archive cannot be read.", http.StatusInternalServerError)
		return
	}
	for _, l := range lines {
		fmt.Fprintf(w, "%s %s: %s had %s\n", l.At.Format(time.TimeOnly), l.Reason, cmp.Or(l.User, "a visitor"), strings.Join(l.Cart, ", "))
	}
}

func handler(m *session.Manager, a archive) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart", add)
	mux.HandleFunc("POST /logout", logout)
	mux.HandleFunc("GET /ended", a.ended)
	access := session.ByRoute(map[string]session.Access{"GET /ended": session.None, "POST /logout": session.Shared})
	return httpsession.Middleware(m, httpsession.WithAccess(access))(mux)
}

// settings are what can be set from outside of the program.
type settings struct {
	app, redis, path string
	timeout          time.Duration
	stopTime         time.Duration // how long requests may go on when the program is told to end
}

// run serves, and writes ends, until ctx ends. Then it lets both finish what they do.
func run(ctx context.Context, listener net.Listener, set settings) (err error) {
	a, err := openArchive(ctx, set.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.db.Close()) }() // after the last end
	m, err := session.Open(session.Config{URL: set.redis}, session.Options{
		App: set.app, Timeout: set.timeout,
		TrackEnd: true, EndSweep: time.Second,
		EndNotifications: true, // where Redis allows it, an end takes milliseconds
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }() // after the last commit

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	handled := make(chan error, 1)
	go func() { handled <- m.HandleEnd(ctx, a.save) }()

	log.Printf("http://%s, and ends are written to %s", listener.Addr(), set.path)
	server := &http.Server{Handler: handler(m, a), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.Background(), set.stopTime)
		defer cancel()
		done <- errors.Join(server.Shutdown(limited), server.Close()) // Close cuts off what takes longer
	})
	if err = server.Serve(listener); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stop() // if Serve has failed
	return errors.Join(err, <-done, <-handled)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	timeout, err := time.ParseDuration(cmp.Or(os.Getenv("TIMEOUT"), "20s"))
	if err != nil {
		log.Fatalf("TIMEOUT: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	set := settings{
		app: "ends", redis: os.Getenv("REDIS_URL"), path: cmp.Or(os.Getenv("ARCHIVE"), "ends.db"),
		timeout: timeout, stopTime: 20 * time.Second,
	}
	if err := run(ctx, listener, set); err != nil {
		log.Fatal(err)
	}
}
