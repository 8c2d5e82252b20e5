package moving_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/moving"
	"github.com/berthgo/berth/core/session"
	"github.com/berthgo/berth/core/sessiontest"
)

// signedIn is an old library that knows its user, and not since when.
type signedIn struct{ shelf }

func (s *signedIn) Load(r *http.Request, into *session.Session) (bool, error) {
	into.SetPrincipal("ann")
	return s.shelf.Load(r, into)
}

// get sends a request, and returns the status and the body of the response.
func get(t *testing.T, browser *sessiontest.Client, path string) (int, string) {
	t.Helper()
	response, err := browser.Get("http://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// A move is no sign-in: a page that wants a fresh one asks for the password. MaxLifetime counts from the move.
func TestMoveIsNoSignIn(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]session.Options{
		"plain":     {},
		"encrypted": {EncryptionKeys: []session.EncryptionKey{[]byte(strings.Repeat("k", 32))}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.MaxLifetime, o.Timeout = time.Hour, 50*time.Minute
				all := sessiontest.New(t, o)
				move, err := moving.Middleware(all.Manager, new(signedIn))
				if err != nil {
					t.Fatal(err)
				}
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s := httpsession.From(r)
					_, _ = fmt.Fprint(w, s.Principal(), " ", s.AuthenticatedAt().IsZero())
				})
				fresh := http.NewServeMux()
				fresh.Handle("/", httpsession.Middleware(all.Manager)(handler))
				fresh.Handle("/account", httpsession.Middleware(all.Manager, httpsession.RequirePrincipal(5*time.Minute))(handler))
				browser := all.Client(move(fresh), &http.Cookie{Name: "old", Value: "ann"})
				wants := func(path string, status int, body string) {
					t.Helper()
					if gotStatus, got := get(t, browser, path); gotStatus != status || body != "" && got != body {
						t.Errorf("%s answers %d %q, want %d %q", path, gotStatus, got, status, body)
					}
				}
				tooOld, _ := session.HTTPStatus(session.ErrSignInTooOld)
				wants("/account", tooOld, "")
				wants("/", http.StatusOK, "ann true")
				infos, err := all.Manager.SessionsOf(t.Context(), "ann")
				if err != nil || len(infos) != 1 || !infos[0].AuthenticatedAt.IsZero() {
					t.Errorf("she has the sessions %v (%v)", infos, err)
				}
				time.Sleep(40 * time.Minute)
				wants("/", http.StatusOK, "ann true")
				time.Sleep(21 * time.Minute)
				wants("/", http.StatusOK, " true")
			})
		})
	}
}

// After the password was asked for again, the sign-in is fresh.
func TestReauthenticatedAfterAMove(t *testing.T) {
	t.Parallel()
	all := sessiontest.New(t, session.Options{})
	move, err := moving.Middleware(all.Manager, new(signedIn))
	if err != nil {
		t.Fatal(err)
	}
	browser := all.Client(move(httpsession.Middleware(all.Manager)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := httpsession.From(r)
		if r.URL.Path == "/password" {
			s.Reauthenticated()
		}
		_, _ = fmt.Fprint(w, s.RequirePrincipal(5*time.Minute) == nil)
	}))), &http.Cookie{Name: "old", Value: "ann"})
	for _, c := range []struct{ path, want string }{{"/", "false"}, {"/password", "true"}, {"/", "true"}} {
		if _, got := get(t, browser, c.path); got != c.want {
			t.Errorf("%s: the sign-in is fresh: %s, want %s", c.path, got, c.want)
		}
	}
}
