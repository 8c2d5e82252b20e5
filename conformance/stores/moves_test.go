package stores_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	adaptor2 "github.com/gofiber/fiber/v2/middleware/adaptor"
	adaptor3 "github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/conformance/stores/moves/fiber"
	"github.com/berthgo/berth/conformance/stores/moves/fiber3"
	"github.com/berthgo/berth/conformance/stores/moves/gincontrib"
	gorillaapp "github.com/berthgo/berth/conformance/stores/moves/gorilla"
	"github.com/berthgo/berth/conformance/stores/moves/scs"
)

// signing is the key of the old cookies.
var signing = []byte("a key that signs the old cookies")

// moves are the applications of folder moves. What docs/moving-from-….md say of them is tested here.
var moves = []struct {
	folder, page string
	prefix       string // of the old keys
	build        func(client *redis.Client, addr string) (before, after http.Handler, err error)
	stays        bool   // whether the browsers stay signed in
	was, is      string // the attributes of the cookie
	rotates      bool   // whether a sign-in by the old library makes another session
}{
	{
		folder: "scs", page: "scs", prefix: "scs:session:", stays: true,
		was: "Path=/; HttpOnly; SameSite=Lax", is: "Path=/; HttpOnly; SameSite=Lax", rotates: true,
		build: func(client *redis.Client, _ string) (http.Handler, http.Handler, error) {
			after, err := scs.After(client)
			return scs.Before(client), after, err
		},
	},
	{
		folder: "gorilla", page: "gorilla", prefix: "session_", stays: true,
		was: "Path=/; Expires=…; Max-Age=2592000", is: "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", rotates: true,
		build: func(client *redis.Client, addr string) (http.Handler, http.Handler, error) {
			before, err := gorillaapp.Before(addr, signing)
			if err != nil {
				return nil, nil, err
			}
			after, err := gorillaapp.After(client, addr, signing)
			return before, after, err
		},
	},
	{
		folder: "gincontrib", page: "gin-contrib", prefix: "session_", stays: true,
		was: "Path=/; Expires=…; Max-Age=2592000", is: "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax",
		build: func(client *redis.Client, addr string) (http.Handler, http.Handler, error) {
			before, err := gincontrib.Before(addr, signing)
			if err != nil {
				return nil, nil, err
			}
			after, err := gincontrib.After(client, addr, signing)
			return before, after, err
		},
	},
	{
		folder: "fiber", page: "fiber", rotates: true,
		was: "max-age=86400; path=/; SameSite=Lax", is: "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax",
		build: func(client *redis.Client, _ string) (http.Handler, http.Handler, error) {
			after, err := fiber.After(client)
			return adaptor2.FiberApp(fiber.Before(client)), adaptor2.FiberApp(after), err
		},
	},
	{
		folder: "fiber3", page: "fiber", rotates: true,
		was: "max-age=1800; path=/; SameSite=Lax", is: "Path=/; Max-Age=1800; HttpOnly; SameSite=Lax",
		build: func(client *redis.Client, _ string) (http.Handler, http.Handler, error) {
			after, err := fiber3.After(client)
			return adaptor3.FiberApp(fiber3.Before(client)), adaptor3.FiberApp(after), err
		},
	},
}

// post sends a form, and returns the answer.
func (b *browser) post(path string, form url.Values) answer {
	b.Helper()
	response, err := b.PostForm(b.base+path, form)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusSeeOther {
		b.Errorf("%s answers %d %q (%v)", path, response.StatusCode, body, err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// attributes are those of the cookie of an answer, without its name, its value and its time.
func (a answer) attributes() string {
	_, attributes, _ := strings.Cut(a.header.Get("Set-Cookie"), "; ")
	parts := strings.Split(attributes, "; ")
	kept := parts[:0]
	for _, part := range parts {
		switch {
		case strings.HasPrefix(part, "Expires="):
			kept = append(kept, "Expires=…")
		case !strings.HasPrefix(part, "expires="):
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "; ")
}

// containsAll tells whether all these are among some keys.
func containsAll(keys, these []string) bool {
	for _, key := range these {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

// Users sign in before the move, and the applications on berth know them. Fiber's users sign in again. These
// tests do not run in parallel, since they look at the keys of the old library.
func TestMovesOfThePages(t *testing.T) {
	onEach(t, func(t *testing.T, addr string) {
		for _, move := range moves {
			t.Run(move.folder, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{Addr: addr})
				t.Cleanup(func() { _ = client.Close() })
				before, after, err := move.build(client, addr)
				if err != nil {
					t.Fatal(err)
				}
				s := newSite(t, addr)
				s.prefix = move.prefix
				s.serve(before)
				b := newBrowser(t, s)
				b.wants("/", `user "", visit 1, []`)
				visitors := s.oldKeys()
				if got := b.post("/login", url.Values{"user": {"ann"}}).attributes(); got != move.was {
					t.Errorf("the old cookie has %q, want %q", got, move.was)
				}
				keys := s.oldKeys()
				if rotates := !containsAll(visitors, keys); rotates != move.rotates {
					t.Errorf("that a sign-in by the old library makes another session is %v", rotates)
				}

				s.serve(after)
				if move.stays {
					b.wants("/", `user "ann", visit 2, [Welcome.]`)
					if left := s.oldKeys(); len(left) != len(keys)-1 {
						t.Errorf("the old library had %d sessions, and has %d", len(keys), len(left))
					}
				} else {
					b.wants("/", `user "", visit 1, []`)
					b.wants("/", `user "", visit 2, []`)
					if old := b.cookies()["session_id"]; old == "" || !containsAll(s.oldKeys(), keys) {
						t.Error("the old session or its cookie has gone")
					}
				}
				b.together(8, func(int) string { return "/" })
				user := map[bool]string{true: "ann"}[move.stays]
				b.wants("/", fmt.Sprintf("user %q, visit 11, []", user))

				b.post("/logout", nil)
				b.wants("/", `user "", visit 1, []`)
				planted := b.cookies()["session"]
				if got := b.post("/login", url.Values{"user": {"bob"}}).attributes(); got != move.is {
					t.Errorf("the new cookie has %q, want %q", got, move.is)
				}
				if b.cookies()["session"] == planted {
					t.Error("the sign-in has not given another cookie")
				}
				b.wants("/", `user "bob", visit 2, [Welcome.]`)
			})
		}
	})
}

// A user that scs remembers stays remembered, until the same time. A session that cannot be decoded stays where it
// is, and its visitor starts anew.
func TestMoveFromSCS(t *testing.T) {
	onEach(t, func(t *testing.T, addr string) {
		client := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = client.Close() })
		after, err := scs.After(client)
		if err != nil {
			t.Fatal(err)
		}
		s := newSite(t, addr)
		s.prefix = "scs:session:"
		s.serve(scs.Before(client))
		b, unlucky := newBrowser(t, s), newBrowser(t, s)
		b.post("/login", url.Values{"user": {"ann"}, "remember": {"on"}})
		keys := s.oldKeys()
		unlucky.post("/login", url.Values{"user": {"bob"}})
		for _, key := range s.oldKeys() {
			if !slices.Contains(keys, key) {
				s.overwrite(key, "no gob")
			}
		}

		s.serve(after)
		got := b.get("/")
		cookie, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
		if err != nil || got.body != `user "ann", visit 1, [Welcome.]` || cookie.MaxAge > 30*86400 || cookie.MaxAge < 30*86400-600 {
			t.Errorf("after the change: %q, with %v (%v)", got.body, cookie, err)
		}
		unlucky.wants("/", `user "", visit 1, []`)
		if left := s.oldKeys(); len(left) != len(keys) {
			t.Errorf("scs had %d sessions besides ann's, and has %d", len(keys), len(left))
		}
	})
}

// The pages show the cookies that these tests see, and the code: see conformance/docs.
func TestMovingPages(t *testing.T) {
	t.Parallel()
	for _, move := range moves {
		page, err := os.ReadFile("../../docs/moving-from-" + move.page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		cookies := []string{move.was, move.is}
		for _, cookie := range cookies {
			wanted := strings.Count(strings.Join(cookies, "`"), cookie)
			if got := strings.Count(string(page), "`"+cookie+"`"); got < wanted {
				t.Errorf("docs/moving-from-%s.md says %d times that the cookie has `%s`, want %d", move.page, got, cookie, wanted)
			}
		}
	}
}
