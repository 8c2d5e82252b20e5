package target_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/bench/internal/target"
	"github.com/berthgo/berth/core/redistest"
)

// After a rotation, and after a sign-in, the values are there under a new cookie, and the
// old one opens nothing.
func TestRotate(t *testing.T) {
	t.Parallel()
	redistest.NeedServer(t)
	server, err := redistest.Start(t.Context(), redistest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	for _, x := range target.All() {
		if !x.Stores {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			t.Parallel()
			running, err := x.Start(t.Context(), server.Addr(), 2)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(running.Stop)
			user := "ann of " + x.Name + "." // so that no name begins with another
			for what, path := range map[string]string{
				"rotation": "/rotate", "sign-in": "/rotate?user=" + url.QueryEscape(user),
			} {
				_, old := send(t, running, http.MethodPost, "/fill?fields=1&size=7", "")
				reply, cookie := send(t, running, http.MethodPost, path, old)
				if reply != "0 7" || cookie == "" || cookie == old {
					t.Errorf("%s: answered with %q, and the cookie %q became %q", what, reply, old, cookie)
				}
				if reply, _ := send(t, running, http.MethodGet, "/read", cookie); reply != "0 7" {
					t.Errorf("%s: the new cookie reads %q", what, reply)
				}
				if reply, _ := send(t, running, http.MethodGet, "/read", old); reply != "0 0" && reply != "redis: nil\n" {
					t.Errorf("%s: the old cookie reads %q", what, reply)
				}
			}
			if !holds(t, client, user) {
				t.Error("sign-in: no session in Redis has the user")
			}
		})
	}
}

// send returns the body of the response and the last cookie that came with it.
func send(t *testing.T, to *target.Running, method, path, cookie string) (reply, newCookie string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+to.Addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Cookies() {
		newCookie = c.Name + "=" + c.Value
	}
	return string(body), newCookie
}

// holds is whether a session, which is a string or a hash in Redis, has this text in it.
func holds(t *testing.T, client *redis.Client, text string) bool {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		session, err := client.Get(t.Context(), key).Result()
		if err != nil { // it is not a string
			session = fmt.Sprint(client.HGetAll(t.Context(), key).Val())
		}
		if strings.Contains(session, text) {
			return true
		}
	}
	return false
}
