package load_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berthgo/berth/conformance/bench/internal/load"
)

// A server that does not do what it says must not be measured.
func TestSessionsSeeThroughBrokenServers(t *testing.T) {
	t.Parallel()
	shape := load.Shape{Fields: 1, Size: 7}
	for what, c := range map[string]struct {
		work   load.Work
		answer string
		cookie string
		ok     bool
	}{
		"kept":                     {load.Change, "1 0", "", true},
		"forgot the change":        {load.Change, "0 0", "", false},
		"read":                     {load.Read, "0 7", "", true},
		"read nothing":             {load.Read, "0 0", "", false},
		"somebody else's":          {load.Read, "3 7", "", false},
		"no cookie":                {load.NoCookie, "0 0", "", true},
		"a session without cookie": {load.NoCookie, "0 7", "", false},
		"not an answer":            {load.Read, "oops", "", false},
		"rotated":                  {load.Rotate, "0 7", "y", true},
		"rotated without values":   {load.Rotate, "0 0", "y", false},
		"not rotated":              {load.Rotate, "0 7", "", false},
		"the same cookie again":    {load.Rotate, "0 7", "x", false},
		"signed in":                {load.SignIn, "0 7", "y", true},
		"signed in, not rotated":   {load.SignIn, "0 7", "", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/fill") {
				http.SetCookie(w, &http.Cookie{Name: "id", Value: "x"})
				fmt.Fprint(w, "0 7")
				return
			}
			if c.cookie != "" {
				http.SetCookie(w, &http.Cookie{Name: "id", Value: c.cookie})
			}
			fmt.Fprint(w, c.answer)
		}))
		client, err := load.Dial(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		sessions, err := load.NewSessions(client, shape, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := sessions.Do(client, c.work); (err == nil) != c.ok {
			t.Errorf("%s: %v, want an error: %t", what, err, !c.ok)
		}
		_ = client.Close()
		server.Close()
	}
}

// A session is asked for with the cookie that came last, and signs in once.
func TestSessionsFollowTheirCookies(t *testing.T) {
	t.Parallel()
	var live, users sync.Map
	var made atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("id")
		if err == nil {
			if _, ok := live.Load(cookie.Value); !ok {
				http.Error(w, "an old cookie", http.StatusForbidden)
				return
			}
		}
		if r.URL.Path != "/read" {
			if err == nil {
				live.Delete(cookie.Value)
				users.Store(r.FormValue("user"), true)
			}
			id := strconv.FormatInt(made.Add(1), 10)
			live.Store(id, true)
			http.SetCookie(w, &http.Cookie{Name: "id", MaxAge: -1}) // as gorilla deletes the old one
			http.SetCookie(w, &http.Cookie{Name: "id", Value: id})
		}
		fmt.Fprint(w, "0 7")
	}))
	defer server.Close()
	client, err := load.Dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sessions, err := load.NewSessions(client, load.Shape{Fields: 1, Size: 7}, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []load.Work{load.Rotate, load.Rotate, load.Rotate, load.SignIn, load.SignIn} {
		if err := sessions.Do(client, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := sessions.Do(client, load.SignIn); !errors.Is(err, load.ErrUsedUp) {
		t.Errorf("a third of two sessions: %v", err)
	}
	if err := sessions.Check(client); err != nil {
		t.Error(err)
	}
	var signedIn []string
	users.Range(func(user, _ any) bool {
		signedIn = append(signedIn, user.(string))
		return true
	})
	if len(signedIn) != 3 { // "" is of the rotations
		t.Errorf("two sessions have signed in for %q", signedIn)
	}
}

func TestDoWantsStatus200(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no session", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	client, err := load.Dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Do(load.Request("GET", "/read", "")); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want an error with the status", err)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const window, each = 5 * time.Millisecond, time.Millisecond
		r, err := load.Run(3, window, func(int) error {
			time.Sleep(each) // of the bubble's time: a request
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Counts, []int{5, 5, 5}) || r.Elapsed != window || r.Latency.TotalCount() != 15 ||
			time.Duration(r.Latency.ValueAtQuantile(50)).Round(each/100) != each {
			t.Errorf("got %+v, p50 %d", r, r.Latency.ValueAtQuantile(50))
		}
	})
	if _, err := load.Run(2, time.Minute, func(client int) error { return fmt.Errorf("client %d", client) }); err == nil {
		t.Error("an error did not end the run")
	}
	if r, err := load.Run(2, time.Minute, func(client int) error {
		if client == 0 {
			return load.ErrUsedUp
		}
		return nil
	}); err != nil || r.Counts[0] != 0 || r.Counts[1] == 0 {
		t.Errorf("all used up: %v, %v, want requests of the other client", r.Counts, err)
	}
	if r, err := load.Run(2, 0, func(int) error { return nil }); err != nil || r.Count() != 2 {
		t.Errorf("without time: %+v, %v, want a request of each client", r.Counts, err)
	}
}
