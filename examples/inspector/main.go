// Command inspector runs berth's inspector on the sessions of an application that is at work elsewhere.
//
//	REDIS_URL=redis://127.0.0.1:6379 SESSION_APP=shop INSPECTOR_PASSWORD=… go run ./inspector
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/berthgo/berth/core/inspect"
	"github.com/berthgo/berth/core/session"
)

// behindPassword lets nobody through but who knows the password. An application has its own authorization,
// and puts the inspector behind that.
func behindPassword(password string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(password))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if got := sha256.Sum256([]byte(given)); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="sessions", charset="UTF-8"`)
			http.Error(w, "Name the password of the inspector.", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// handler serves the inspector under /admin/sessions/.
func handler(m *session.Manager, title, password string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/admin/sessions/", behindPassword(password, inspect.New(m, inspect.Options{
		Title: title, Actions: true, Show: show,
	})))
	return mux
}

// show has operators see what is in the cart, and no other value.
func show(_ *http.Request, s *session.Session, name string) (string, bool) {
	if name != "cart" {
		return "", false
	}
	items, err := session.Get[any](s, name)
	return fmt.Sprint(items), err == nil
}

func run() error {
	app, password := os.Getenv("SESSION_APP"), os.Getenv("INSPECTOR_PASSWORD")
	if password == "" {
		return errors.New("set INSPECTOR_PASSWORD")
	}
	m, err := session.Open(session.Config{URL: os.Getenv("REDIS_URL")}, session.Options{App: app, TrackEnd: true})
	if err != nil {
		return err
	}
	defer m.Close()
	server := &http.Server{Addr: "127.0.0.1:8081", Handler: handler(m, app, password), ReadHeaderTimeout: 5 * time.Second}
	log.Print("http://127.0.0.1:8081/admin/sessions/")
	return server.ListenAndServe()
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}
