package stores_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/faux"

	"github.com/berthgo/berth/adapters/gorillastore"
	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

// gothic keeps what a sign-in needs in a session of its own name, and deletes that at the end. Its Store
// is the one changed line. It is a variable of the package, so these tests do not run in parallel.
func TestGothic(t *testing.T) {
	goth.UseProviders(&faux.Provider{})
	onEach(t, func(t *testing.T, addr string) {
		m := newManager(t, addr, session.Options{LockWait: -1})
		store, err := gorillastore.New(m)
		if err != nil {
			t.Fatal(err)
		}
		gothic.Store = store // the changed line

		mux := http.NewServeMux()
		mux.HandleFunc("/auth", gothic.BeginAuthHandler)
		mux.HandleFunc("/auth/callback", func(w http.ResponseWriter, r *http.Request) {
			user, err := gothic.CompleteUserAuth(w, r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			is, err := store.Get(r, "session")
			if err == nil {
				is.ID = "" // a sign-in needs a new one
				is.Values["user"] = user.UserID
				err = is.Save(r, w)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, "welcome")
		})
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			is, err := store.Get(r, "session")
			fmt.Fprintf(w, "%v %v", is.Values["user"], err)
		})
		t.Run("alone", func(t *testing.T) { signIn(t, mux) })
		t.Run("behind the middleware", func(t *testing.T) { signIn(t, httpsession.Middleware(m)(mux)) })
	})
}

// signIn signs in through an application, once by a forged callback and then by the right one, twice.
func signIn(t *testing.T, application http.Handler) {
	b := newBrowser(t, application)
	b.wants("/", "<nil> <nil>")
	for range 2 {
		begun := b.get("/auth?provider=faux")
		to, err := url.Parse(begun.header.Get("Location"))
		if err != nil || begun.status != http.StatusTemporaryRedirect || b.cookies()[gothic.SessionName] == "" {
			t.Fatalf("the sign-in answers %d, and leads to %v", begun.status, to)
		}
		before := b.cookies()["session"]
		b.wants("/auth/callback?provider=faux&state="+url.QueryEscape(to.Query().Get("state")), "welcome")
		now := b.cookies()
		if _, there := now[gothic.SessionName]; there || now["session"] == before || now["session"] == "" {
			t.Errorf("after the sign-in there are %d cookies", len(now))
		}
		b.wants("/", "id <nil>")
	}
	for _, forged := range []string{"", "/auth?provider=faux"} {
		if forged != "" {
			b.get(forged)
		}
		if got := b.get("/auth/callback?provider=faux&state=forged"); got.status != http.StatusForbidden {
			t.Errorf("a forged callback answers %d", got.status)
		}
	}
	b.wants("/", "id <nil>")
}
