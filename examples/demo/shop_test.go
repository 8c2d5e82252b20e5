package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// rig is a demo, and a client of its Redis.
type rig struct {
	*demo
	t         *testing.T
	framework string
	client    *redis.Client
}

// onEach runs a test with every framework, on the embedded Redis and a real one.
func onEach(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Parallel()
	for _, framework := range frameworks {
		for _, kind := range []string{"miniredis", "redis"} {
			t.Run(framework+"/"+kind, func(t *testing.T) {
				t.Parallel()
				env := map[string]string{"FRAMEWORK": framework}
				if kind == "redis" {
					if realURL == "" {
						t.Skip(redistest.ErrUnavailable)
					}
					env["REDIS_URL"] = realURL
				}
				r := &rig{demo: start(t, env), t: t, framework: framework}
				r.client = clientOf(t, r.demo, kind)
				test(t, r)
			})
		}
	}
}

// keys are all keys of the demo.
func (r *rig) keys() []string {
	r.t.Helper()
	var keys []string
	scan := r.client.Scan(context.Background(), 0, "{"+r.app+"_*", 1000).Iterator()
	for scan.Next(context.Background()) {
		keys = append(keys, scan.Val())
	}
	if err := scan.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// key is a key of the session with that ID.
func (r *rig) key(id, suffix string) string { return "{" + r.app + "_" + handleOf(id) + "}_" + suffix }

// handleOf is the handle in a session ID: the half before the dot.
func handleOf(id string) string {
	handle, _, _ := strings.Cut(id, ".")
	return handle
}

// proofOf is the proof of a session ID, as Redis has it.
func proofOf(id string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(id)))[:32] }

// madeUp has the form of a session ID.
var madeUp = strings.Repeat("a", 26) + "." + strings.Repeat("b", 26)

// cart is how a cart is shown.
func (r *rig) cart(items ...string) string {
	list := "[]"
	if len(items) > 0 {
		list = `["` + strings.Join(items, `","`) + `"]`
	}
	return fmt.Sprintf(`{"items":%s,"count":%d,"served_by":%q}`, list, len(items), r.servedBy())
}

// servedBy is how the demo names itself.
func (r *rig) servedBy() string { return r.framework + "-test" }

func TestVisit(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart())
		if len(r.keys()) != 0 || v.sessionID() != "" {
			t.Fatalf("reading made a session: %v", r.keys())
		}
		wantBody(t, v.do("POST", "/cart/add", item("apple")), 200, r.cart("apple"))
		first := v.sessionID()
		wantBody(t, v.do("POST", "/cart/add", item(" pear ")), 200, r.cart("apple", "pear"))
		wantBody(t, v.do("POST", "/cart/add", item("plum")), 200, r.cart("apple", "pear", "plum"))
		if got := v.sessionID(); got != first {
			t.Error("adding an item changed the session ID")
		}
		if got, want := r.keys(), []string{r.key(first, "Data")}; !slices.Equal(got, want) {
			t.Errorf("keys are %v, want %v", got, want)
		}
		ttl, err := r.client.PTTL(t.Context(), r.key(first, "Data")).Result()
		if err != nil || ttl > 20*time.Minute || ttl < 19*time.Minute {
			t.Errorf("the session lives for %v (%v), want 20m", ttl, err)
		}

		wantBody(t, v.do("POST", "/login", url.Values{"user": {"ann"}}), 200, `{"user":"ann","served_by":"`+r.servedBy()+`"}`)
		second := v.sessionID()
		if second == first || second == "" {
			t.Error("the login did not change the session ID")
		}
		if handleOf(second) != handleOf(first) {
			t.Error("the login changed the handle")
		}
		if proof := r.client.HGet(t.Context(), r.key(second, "Data"), "_berth_secret").Val(); proof != proofOf(second) {
			t.Errorf("Redis has the proof %q, want that of the cookie", proof)
		}
		wantBody(t, v.do("GET", "/whoami", nil), 200, `{"user":"ann","served_by":"`+r.servedBy()+`"}`)
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart("apple", "pear", "plum"))
		// The ID from before the login opens nothing any more.
		stale := newVisitor(t, r.url)
		got := stale.do("GET", "/cart", nil, "Cookie", "session="+first)
		wantBody(t, got, 200, r.cart())
		if got.header.Get("Set-Cookie") != "" {
			t.Error("the old ID was answered with a cookie")
		}
		wantBody(t, v.do("POST", "/rotate", nil), 200, `{"user":"ann","served_by":"`+r.servedBy()+`"}`)
		third := v.sessionID()
		if third == second || handleOf(third) != handleOf(first) {
			t.Error("a rotation kept the session ID, or changed the handle")
		}
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart("apple", "pear", "plum"))

		wantBody(t, v.do("POST", "/logout", nil), 200, `{"user":"","served_by":"`+r.servedBy()+`"}`)
		if v.sessionID() != "" {
			t.Error("the cookie is still there after the logout")
		}
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart())
		wantBody(t, stale.do("GET", "/cart", nil, "Cookie", "session="+third), 200, r.cart())
	})
}

func TestAnotherUsersCart(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/login", url.Values{"user": {"ann"}})
		v.do("POST", "/cart/add", item("apple"))
		v.do("POST", "/login", url.Values{"user": {"ann"}})
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart("apple"))
		v.do("POST", "/login", url.Values{"user": {"bob"}})
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart())
	})
}

func TestParallelAdds(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/login", url.Values{"user": {"ann"}})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				got, err := v.try(t.Context(), "POST", "/cart/add", item(fmt.Sprintf("item-%02d", i)))
				if err != nil || got.status != 200 {
					t.Errorf("item %d: %d %s%v", i, got.status, got.body, err)
				}
			})
		}
		all.Wait()
		got := v.do("GET", "/cart", nil).body
		for i := range 20 {
			if !strings.Contains(got, fmt.Sprintf(`"item-%02d"`, i)) {
				t.Errorf("item %d is lost", i)
			}
		}
		if !strings.Contains(got, `"count":20`) {
			t.Errorf("the cart is %s", got)
		}
	})
}

func TestStrangeCookies(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		for name, cookie := range map[string]string{
			"malformed":       "session=../../etc/passwd",
			"empty":           "session=",
			"unknown":         "session=" + madeUp,
			"handle alone":    "session=" + handleOf(madeUp),
			"wrong alphabet":  "session=" + strings.ToUpper(madeUp),
			"10 kB":           "session=" + strings.Repeat("a", 10_000),
			"not a cookie":    ";;=;\"\\",
			"unknown, in two": "session=x; session=" + madeUp,
		} {
			v := newVisitor(t, r.url)
			for _, path := range []string{"/", "/cart", "/whoami", "/slow?ms=0"} {
				got := v.do("GET", path, nil, "Cookie", cookie)
				if got.status != 200 || got.header.Get("Set-Cookie") != "" {
					t.Errorf("%s, %s: %d, Set-Cookie %q", name, path, got.status, got.header.Get("Set-Cookie"))
				}
			}
			if keys := r.keys(); len(keys) != 0 {
				t.Fatalf("%s: keys are %v", name, keys)
			}
		}
		// An ID that a client made up is not adopted.
		v := newVisitor(t, r.url)
		got := v.do("POST", "/cart/add", item("apple"), "Cookie", "session="+madeUp)
		wantBody(t, got, 200, r.cart("apple"))
		if id := v.sessionID(); handleOf(id) == handleOf(madeUp) || id == "" {
			t.Errorf("the session ID is %q", id)
		}
	})
}

func TestBadInput(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		for _, c := range []struct {
			method, path string
			form         url.Values
			want         string
		}{
			{"POST", "/cart/add", url.Values{}, `the form field \"item\" is missing`},
			{"POST", "/cart/add", nil, `the form field \"item\" is missing`},
			{"POST", "/cart/add?item=apple", url.Values{}, `the form field \"item\" is missing`},
			{"POST", "/cart/add", item("  "), `the form field \"item\" is missing`},
			{"POST", "/cart/add", item("a\x00"), `the form field \"item\" is not plain text`},
			{"POST", "/cart/add", item("\xff"), `the form field \"item\" is not plain text`},
			{"POST", "/cart/add", item(strings.Repeat("ä", 101)), `the form field \"item\" is too long: it may have 100 characters`},
			{"POST", "/login", url.Values{}, `the form field \"user\" is missing`},
			{"POST", "/login", url.Values{"user": {strings.Repeat("x", 65)}}, `the form field \"user\" is too long: it may have 64 characters`},
			{"GET", "/slow", nil, `ms must be a whole number from 0 to 5000`},
			{"GET", "/slow?ms=x", nil, `ms must be a whole number from 0 to 5000`},
			{"GET", "/slow?ms=-1", nil, `ms must be a whole number from 0 to 5000`},
			{"GET", "/slow?ms=5001", nil, `ms must be a whole number from 0 to 5000`},
		} {
			wantBody(t, v.do(c.method, c.path, c.form), 400, `{"error":"`+c.want+`"}`)
		}
		if keys := r.keys(); len(keys) != 0 || v.sessionID() != "" {
			t.Errorf("bad input made a session: %v", keys)
		}
		v.do("POST", "/cart/add", item(strings.Repeat("ä", 100)))
		if got := v.do("GET", "/cart", nil).body; !strings.Contains(got, `"count":1,`) {
			t.Errorf("an item of 100 characters was not taken: %s", got)
		}
	})
}

func TestFullCart(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/cart/add", item("apple"))
		full := `{"items":["a"` + strings.Repeat(`,"a"`, 999) + `]}`
		if err := r.client.HSet(t.Context(), r.key(v.sessionID(), "Data"), "cart", full).Err(); err != nil {
			t.Fatal(err)
		}
		wantBody(t, v.do("POST", "/cart/add", item("apple")), 400, `{"error":"the cart is full: it holds 1000 items"}`)
	})
}

func TestPage(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		evil := `<script>alert("1")</script>`
		for path, form := range map[string]url.Values{"/login": {"user": {evil}}, "/cart/add": item(evil)} {
			got := v.do("POST", path, form, "Accept", browser)
			if got.status != http.StatusSeeOther || got.header.Get("Location") != "/" {
				t.Fatalf("%s: a browser was answered %d, Location %q", path, got.status, got.header.Get("Location"))
			}
		}
		page := v.do("GET", "/", nil, "Accept", browser)
		if page.status != 200 || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%d, %q", page.status, page.header.Get("Content-Type"))
		}
		if strings.Contains(page.body, "<script") {
			t.Errorf("input is not escaped:\n%s", page.body)
		}
		if text := html.UnescapeString(page.body); strings.Count(text, evil) != 2 {
			t.Errorf("user and item are not both on the page:\n%s", page.body)
		}
		bad := v.do("POST", "/cart/add", item(""), "Accept", browser)
		if bad.status != 400 || !strings.Contains(html.UnescapeString(bad.body), `the form field "item" is missing`) {
			t.Errorf("a browser was answered %d\n%s", bad.status, bad.body)
		}
		if got := v.do("POST", "/logout", nil, "Accept", browser); got.status != http.StatusSeeOther || v.sessionID() != "" {
			t.Errorf("logout: a browser was answered %d", got.status)
		}
		if got := v.do("HEAD", "/", nil); got.status != 200 || got.body != "" {
			t.Errorf("HEAD: %d %s", got.status, got.body)
		}
	})
}

func TestSlow(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		v.do("POST", "/cart/add", item("apple"))
		lock := r.key(v.sessionID(), "Lock")

		slow := make(chan response, 1)
		go func() {
			got, err := v.try(t.Context(), "GET", "/slow?ms=400", nil)
			if err != nil {
				t.Error(err)
			}
			slow <- got
		}()
		until(t, "the slow request holds the session", func() bool {
			return r.client.Exists(t.Context(), lock).Val() == 1
		})
		// A reader does not wait for it, a writer does.
		wantBody(t, v.do("GET", "/cart", nil), 200, r.cart("apple"))
		if len(slow) != 0 {
			t.Error("the reader waited for the slow request")
		}
		wantBody(t, v.do("POST", "/cart/add", item("pear")), 200, r.cart("apple", "pear"))
		wantBody(t, <-slow, 200, `{"ms":400,"served_by":"`+r.servedBy()+`"}`)
	})
}

func TestHealth(t *testing.T) {
	onEach(t, func(t *testing.T, r *rig) {
		v := newVisitor(t, r.url)
		wantBody(t, v.do("GET", "/healthz", nil), 200, `{"redis":"ok","served_by":"`+r.servedBy()+`"}`)
	})
}
