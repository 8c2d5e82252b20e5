// Command devices signs users in, shows them where they are signed in, and lets them end that.
//
//	go run -C examples ./devices
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, and PORT another port than 8080. Open
// http://127.0.0.1:8080 in two browsers, and sign in as ann with the password "tea" in both. Each shows both. Log the
// others out in one browser, and load the page in the other: it says why it is out.
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
	"slices"
	"syscall"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const browser session.Key[string] = "browser"

//go:embed pages.html
var source string

var pages = template.Must(template.New("").Parse(source))

// passwords are those of the users. A real program keeps hashes of them, as of argon2id.
var passwords = map[string]string{"ann": "tea", "bob": "coffee"}

func login(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	if want, known := passwords[user]; !known || r.PostFormValue("password") != want {
		http.Error(w, "There is no such user, or the password is wrong.", http.StatusUnauthorized)
		return
	}
	s := session.FromContext(r.Context())
	s.SetPrincipal(user)                                 // the cookie changes; what another user has left goes
	browser.Set(s, fmt.Sprintf("%.200s", r.UserAgent())) // so after that; 200 characters, as clients send any number
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func loginPage(w http.ResponseWriter, r *http.Request) {
	show(w, "login", session.FromContext(r.Context()).PreviousEnd())
}

func logout(w http.ResponseWriter, r *http.Request) {
	session.FromContext(r.Context()).Abandon()
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// device is a line of the page. The handle names a session and opens nothing, so a page may have it.
type device struct {
	Handle, Browser  string
	SignedIn, LastAt time.Time
	This             bool
}

// account has the routes that need a user.
type account struct{ m *session.Manager }

func (a account) devices(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	all, err := a.m.SessionsOf(r.Context(), s.Principal(), string(browser))
	if err != nil {
		httpsession.Error(w, r, err)
		return
	}
	var list []device
	for _, i := range all {
		list = append(list, device{i.Handle, browser.GetOr(i.Session, "?"), i.AuthenticatedAt, time.Now().Add(-i.Idle), i.Handle == s.Handle()})
	}
	show(w, "devices", map[string]any{"User": s.Principal(), "Devices": list})
}

// end ends one session of the user. The client names it, so it must be one of the user's own.
func (a account) end(w http.ResponseWriter, r *http.Request) {
	all, err := a.m.SessionsOf(r.Context(), session.FromContext(r.Context()).Principal())
	if err != nil {
		httpsession.Error(w, r, err)
		return
	}
	at := slices.IndexFunc(all, func(i session.Info) bool { return i.Handle == r.PostFormValue("handle") })
	if at < 0 {
		http.Error(w, "You have no such device any more.", http.StatusNotFound)
		return
	}
	if err := all[at].End(r.Context()); err != nil && !errors.Is(err, session.ErrUnknown) { // ErrUnknown: it has just ended
		httpsession.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a account) endOthers(w http.ResponseWriter, r *http.Request) {
	if _, err := session.FromContext(r.Context()).EndOthers(r.Context()); err != nil {
		httpsession.Error(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// toLogin sends a visitor without a user to the login page.
func toLogin(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrNoPrincipal) {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	httpsession.Error(w, r, err)
}

func show(w http.ResponseWriter, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store") // after a logout, "back" shows nothing of the account
	if err := pages.ExecuteTemplate(w, page, data); err != nil {
		log.Print(err) // the client has gone
	}
}

func handler(m *session.Manager) http.Handler {
	a, own := account{m}, http.NewServeMux()
	own.HandleFunc("GET /{$}", a.devices)
	own.HandleFunc("POST /end", a.end)
	own.HandleFunc("POST /end-others", a.endOthers)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", loginPage)
	mux.HandleFunc("POST /login", login)
	mux.HandleFunc("POST /logout", logout)
	mux.Handle("/", httpsession.Middleware(m, httpsession.RequirePrincipal(0), httpsession.WithErrorHandler(toLogin))(own))

	access := session.ByRoute(map[string]session.Access{"GET /": session.ReadOnly, "POST /logout": session.Shared})
	sessions := httpsession.Middleware(m, httpsession.WithAccess(access))
	return http.NewCrossOriginProtection().Handler(sessions(mux)) // nobody else's page signs a visitor in
}

// settings are what can be set from outside of the program.
type settings struct {
	app, redis string
	stopTime   time.Duration // how long requests may go on when the program is told to end
}

// run serves until ctx ends. Then it lets requests finish.
func run(ctx context.Context, listener net.Listener, set settings) (err error) {
	m, err := session.Open(session.Config{URL: set.redis}, session.Options{App: set.app, MaxPerPrincipal: 5})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }() // after the last commit
	log.Printf("http://%s", listener.Addr())

	server := &http.Server{Handler: handler(m), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.Background(), set.stopTime)
		defer cancel()
		done <- errors.Join(server.Shutdown(limited), server.Close()) // Close cuts off what takes longer
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	set := settings{app: "devices", redis: os.Getenv("REDIS_URL"), stopTime: 20 * time.Second}
	if err := run(ctx, listener, set); err != nil {
		log.Fatal(err)
	}
}
